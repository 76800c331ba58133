package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"

	"github.com/opentrusthub/trusthub/internal/store"
)

// noLimit turns off the time limit of statements: copying reads and writes whole tables.
const noLimit = -1

type copyCmd struct {
	From string `required:"" placeholder:"DB" help:"SQLite file or postgres:// URL to copy from. Stop its servers first."`
	To   string `required:"" placeholder:"DB" help:"SQLite file or postgres:// URL to copy to; it must be empty."`
}

// Run copies everything and prints the number of rows of each table.
func (c *copyCmd) Run(ctx context.Context, s streams) (err error) {
	from, err := store.Open(ctx, c.From, store.Options{Access: store.Existing, StatementTimeout: noLimit, KeysOptional: true})
	if err != nil {
		return fmt.Errorf("--from: %w", advise(err))
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := store.Open(ctx, c.To, store.Options{StatementTimeout: noLimit, KeysOptional: true})
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()

	counts, err := from.CopyTo(ctx, to, progress(s.err))
	if err != nil {
		return err
	}
	return printResult(s.out, counts, func(w *tabwriter.Writer, counts map[string]int64) {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(w, "%s\t%d\n", name, counts[name])
		}
	})
}

// progress draws a bar on a terminal and nothing elsewhere.
func progress(w escaper) func(done, total int64) {
	terminal := w.terminal()
	if terminal == nil {
		return func(int64, int64) {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(terminal), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("rows"), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
	return func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done) // it fails only if the terminal was closed
	}
}
