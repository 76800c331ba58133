package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type seedCmd struct {
	dbFlag
	validityFlag
	reviewDelayFlag
	File       string `arg:"" optional:"" help:"YAML file to read; - is standard input."`
	AccountSID string `name:"account-sid" placeholder:"SID" help:"Account to seed. Needed only if the database has several and the file names none."`
	Example    bool   `help:"Print a file to start from, and do nothing else."`
}

// Run stores what the file describes and prints the SIDs of its objects by their keys.
func (c *seedCmd) Run(ctx context.Context, s streams) error {
	switch {
	case c.Example && c.File != "":
		return errors.New("--example takes no file")
	case c.Example:
		_, err := s.out.Write(seed.Example())
		return err
	case c.File == "":
		return errors.New("name a file, or - for standard input; --example prints one to start from")
	}
	file, err := readSeed(c.File)
	if err != nil {
		return err
	}
	return c.use(ctx, func(db *store.Store) error {
		result, err := file.Store(ctx, db, seed.Config{
			AccountSID: c.AccountSID,
			Policy:     trust.Policy{AutoReview: true, ReviewDelay: time.Duration(c.ReviewDelay), ValidFor: time.Duration(c.ValidFor)},
			Now:        time.Now(),
		})
		if err != nil {
			return err
		}
		return printResult(s.out, result, seedTable)
	})
}

// readSeed reads a seed file, or standard input if its name is -.
func readSeed(name string) (*seed.File, error) {
	input := io.Reader(os.Stdin)
	if name == "-" {
		name = "stdin"
	} else {
		file, err := os.Open(name) //nolint:gosec // G304: the operator's file
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // it is only read
		input = file
	}
	text, err := io.ReadAll(io.LimitReader(input, seed.MaxBytes+1)) // one byte more than Parse accepts
	if err != nil {
		return nil, err
	}
	return seed.Parse(name, text)
}

func seedTable(w *tabwriter.Writer, result seed.Result) {
	for _, key := range slices.Sorted(maps.Keys(result.SIDs)) {
		fmt.Fprintf(w, "%s\t%s\n", key, result.SIDs[key])
	}
	fmt.Fprintf(w, "%d created, %d unchanged\n", result.Created, result.Unchanged)
	if len(result.Changed) > 0 {
		fmt.Fprintf(w, "changed since they were seeded, and left so: %s\n", strings.Join(result.Changed, ", "))
	}
}
