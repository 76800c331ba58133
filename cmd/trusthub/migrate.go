package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/internal/store"
)

type migrateCmd struct {
	dbFlag
}

// migration says what `trusthub migrate` did: the version of the schema before, 0 where there was none, and after.
type migration struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Run makes the tables, or brings those of an older version up to date.
func (c *migrateCmd) Run(ctx context.Context, s streams) (err error) {
	db, err := c.open(ctx, store.Migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var done migration
	done.From, done.To = db.Migrated()
	return printResult(s.out, done, func(w *tabwriter.Writer, m migration) {
		switch m.From {
		case m.To:
			fmt.Fprintf(w, "The schema is up to date: version %d.\n", m.To)
		case 0:
			fmt.Fprintf(w, "The tables were made: version %d.\n", m.To)
		default:
			fmt.Fprintf(w, "The schema was migrated from version %d to version %d.\n", m.From, m.To)
		}
	})
}
