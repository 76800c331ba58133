// Command contract judges openapi.yaml as a document. It knows three questions:
//
//	contract lint              does the document keep to good practice? Exceptions are in docs/contracts/lint.yaml.
//	contract released          does it break who uses the last released contract, docs/contracts/openapi-*.yaml? A break is
//	                           allowed if CHANGELOG.md announces it under Unreleased: "- Breaking: <operationId> ...".
//	contract diff PUBLISHED    do it and a published contract agree on the operations that both have? What is meant to
//	                           differ is in docs/contracts/differences.yaml.
//
// It guarantees that each exception has a reason and is still needed: one that excuses nothing fails like a new finding. It
// reads files only, so that it works without a network.
//
// It does not look at the server, whose tests hold its answers against the contract. It is a module of its own, so that
// linter and comparer do not become dependencies of whoever imports the main one. `make verify` and `make contract-diff`
// run it.
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

// errFindings is what a question answers whose findings have been printed.
var errFindings = errors.New("the contract needs a look: see above")

// files are the paths of what is read.
type files struct {
	contract    string
	changelog   string
	released    string // a folder
	exceptions  string
	differences string
}

func filesIn(root string) files {
	contracts := filepath.Join(root, "docs", "contracts")
	return files{
		contract:    filepath.Join(root, "openapi.yaml"),
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

// run answers the question that args ask. Its answer goes to out in one piece.
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
