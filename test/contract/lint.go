package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/speakeasy-api/openapi/linter"
	"github.com/speakeasy-api/openapi/openapi"
	openapilinter "github.com/speakeasy-api/openapi/openapi/linter"
	"github.com/speakeasy-api/openapi/validation"
)

// exception excludes the findings of a rule, or those whose message matches.
type exception struct {
	Rule   string `yaml:"rule"`
	Match  string `yaml:"match"` // a regular expression; empty means every message
	Reason string `yaml:"reason"`

	message *regexp.Regexp
	used    int
}

// finding is a rule's message about a position in the contract.
type finding struct {
	line, column  int
	rule, message string
}

// lint prints the linter's findings about both contracts with all of its rules, hints included, except for the excluded ones.
func lint(ctx context.Context, in files, out *report) error {
	exceptions, err := readExceptions(in.exceptions)
	if err != nil {
		return err
	}
	excused, remaining := 0, 0
	for _, contract := range []string{in.contract, in.operator} {
		found, err := lintAll(ctx, contract)
		if err != nil {
			return err
		}
		for _, f := range found {
			if i := slices.IndexFunc(exceptions, func(e *exception) bool {
				return e.Rule == f.rule && e.message.MatchString(f.message)
			}); i >= 0 {
				exceptions[i].used++
				excused++
				continue
			}
			remaining++
			out.linef("%s:%d:%d: %s: %s", contract, f.line, f.column, f.rule, f.message)
		}
	}
	for _, e := range exceptions {
		if e.used == 0 {
			remaining++
			out.linef("%s: the exception for %s %s excuses nothing any more; remove it", in.exceptions, e.Rule, e.Match)
		}
	}
	if remaining > 0 {
		return errFindings
	}
	out.linef("lint: nothing to say about %s and %s; %d findings are excused by %d exceptions with a reason",
		in.contract, in.operator, excused, len(exceptions))
	return nil
}

func readExceptions(path string) ([]*exception, error) {
	var file struct {
		Exceptions []*exception `yaml:"exceptions"`
	}
	if err := readYAML(path, &file); err != nil {
		return nil, err
	}
	for _, e := range file.Exceptions {
		if e.Rule == "" || e.Reason == "" {
			return nil, fmt.Errorf("%s: an exception needs a rule and a reason: %+v", path, *e)
		}
		message, err := regexp.Compile(e.Match)
		if err != nil {
			return nil, fmt.Errorf("%s: the exception for %s: %w", path, e.Rule, err)
		}
		e.message = message
	}
	return file.Exceptions, nil
}

// lintAll runs all of the linter's rules, its validation of the document, and our own rule for the length of operations.
func lintAll(ctx context.Context, path string) ([]finding, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the path is a command-line argument
	if err != nil {
		return nil, err
	}
	doc, invalid, err := openapi.Unmarshal(ctx, bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all, err := openapilinter.NewLinter(linter.NewConfig())
	if err != nil {
		return nil, err
	}
	output, err := all.Lint(ctx, linter.NewDocumentInfo(doc, path), invalid, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found, err := longOperations(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, result := range output.Results {
		known, ok := errors.AsType[*validation.Error](result)
		if !ok {
			found = append(found, finding{rule: "document", message: result.Error()})
			continue
		}
		found = append(found, finding{known.GetLineNumber(), known.GetColumnNumber(), known.Rule, known.UnderlyingError.Error()})
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.rule, b.rule))
	})
	return found, nil
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}
