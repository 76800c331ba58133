// Command contract checks openapi.yaml as a document, and api/operator/openapi.yaml. It has three subcommands:
//
//	contract lint              lints both. Exceptions are in docs/contracts/lint.yaml.
//	contract released          compares both with the last released ones, docs/contracts/openapi-*.yaml and operator-*.yaml. A
//	                           breaking change is allowed if CHANGELOG.md announces it under Unreleased:
//	                           "- Breaking: <operationId> ...".
//	contract diff PUBLISHED    compares openapi.yaml with a published contract, in the operations that both have. Intended
//	                           differences are in docs/contracts/differences.yaml.
//
// Each exception must have a reason and still be needed: one that excludes nothing is an error, like a new finding. The program
// reads only files and needs no network.
//
// It does not check the server, whose tests validate its responses. It is a separate module so that importers of the main one
// do not depend on the linter and oasdiff. `make verify` and `make contract-diff` run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// errFindings is returned by a subcommand that has printed findings.
var errFindings = errors.New("the contract needs a look: see above")

// files has the paths of the files to read.
type files struct {
	contract    string
	operator    string // the contract of the operator API
	changelog   string
	released    string // a folder
	exceptions  string
	differences string
}

func filesIn(root string) files {
	contracts := filepath.Join(root, "docs", "contracts")
	return files{
		contract:    filepath.Join(root, "openapi.yaml"),
		operator:    filepath.Join(root, "api", "operator", "openapi.yaml"),
		changelog:   filepath.Join(root, "CHANGELOG.md"),
		released:    contracts,
		exceptions:  filepath.Join(contracts, "lint.yaml"),
		differences: filepath.Join(contracts, "differences.yaml"),
	}
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

// run runs the subcommand in args, and writes its whole output to out at once.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("contract", flag.ContinueOnError)
	root := flags.String("root", ".", "the folder of openapi.yaml")
	if err := flags.Parse(args); err != nil {
		return err
	}
	in := filesIn(*root)
	report := &report{}
	var err error
	switch question, rest := flags.Arg(0), max(flags.NArg()-1, 0); {
	case question == "lint" && rest == 0:
		err = lint(ctx, in, report)
	case question == "released" && rest == 0:
		err = compareReleased(in, report)
	case question == "diff" && rest == 1:
		err = comparePublished(in, flags.Arg(1), report)
	default:
		err = errors.New("usage: contract [-root FOLDER] lint | released | diff PUBLISHED")
	}
	if _, writeErr := out.Write(report.Bytes()); err == nil {
		err = writeErr
	}
	return err
}
