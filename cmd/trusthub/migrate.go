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

// migration is the version of the schema before and after `trusthub migrate`; 0 means that there were no tables.
type migration struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Help is what --help adds to the command's one line.
func (*migrateCmd) Help() string {
	return `'trusthub serve' does the same when it starts. Servers of the previous version can go on working on the new schema, except those of schema version 7 and older: stop them first.`
}

// Run creates the tables, or upgrades those of an older version.
func (c *migrateCmd) Run(ctx context.Context, s streams) (err error) {
	db, err := c.open(ctx, store.Options{Access: store.Migrate, KeysOptional: true})
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
			fmt.Fprintf(w, "Created the tables: version %d.\n", m.To)
		default:
			fmt.Fprintf(w, "Upgraded the schema from version %d to version %d.\n", m.From, m.To)
		}
	})
}
