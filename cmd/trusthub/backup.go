package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/internal/store"
)

type backupCmd struct {
	Create backupCreateCmd `cmd:"" default:"withargs" help:"Copy a SQLite database into a file and check the copy. Servers may use the database meanwhile."`
	Verify backupVerifyCmd `cmd:"" help:"Check that a backup is complete and undamaged, and print what it has."`
}

type backupCreateCmd struct {
	DB    string `name:"db" default:"trusthub.db" env:"TRUSTHUB_DB" help:"Database: the name of an SQLite file."`
	To    string `required:"" placeholder:"FILE" help:"File to create; - is standard output."`
	Force bool   `help:"Replace the file if it exists."`
}

// Help is what --help adds to the command's one line.
func (*backupCreateCmd) Help() string {
	return `The backup has everything that was acknowledged before the command started. The file appears under its name when it is complete, checked and on disk, and only its owner can read it: it has auth tokens, unless a key file encrypts them, and customers' data. Back up Postgres with its own tools, pg_dump or pg_basebackup.

'trusthub serve --db FILE --no-deliveries' opens a backup without calling or mailing anybody.`
}

// Run writes the backup and prints what it has.
func (c *backupCreateCmd) Run(ctx context.Context, s streams) error {
	if store.IsPostgres(c.DB) {
		return errors.New("back up a Postgres database with its own tools: 'pg_dump --format=custom' for one database, " +
			"pg_basebackup for the whole server; docs/operating.md has the commands")
	}
	if c.To == "-" {
		return c.toOutput(ctx, s)
	}
	made, err := store.BackUp(ctx, c.DB, c.To, c.Force)
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("--to %s: %w; --force replaces it", c.To, err)
	}
	if err != nil {
		return advise(err)
	}
	return printResult(s.out, made, backupTable)
}

// toOutput writes the backup to standard output and prints what it has to standard error. A copy that is not complete is never
// written, so it is made in a folder beside the database first.
func (c *backupCreateCmd) toOutput(ctx context.Context, s streams) (err error) {
	if s.out.terminal() != nil {
		return errors.New("--to -: standard output is a terminal; redirect it, or name a file")
	}
	folder, err := os.MkdirTemp(filepath.Dir(c.DB), ".trusthub-backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "backup.db")
	made, err := store.BackUp(ctx, c.DB, path, false)
	if err != nil {
		return advise(err)
	}
	file, err := os.Open(path) //nolint:gosec // G304: a temporary file of this function
	if err != nil {
		return err
	}
	defer file.Close()                                 //nolint:errcheck // it is only read
	if _, err := io.Copy(s.out.to, file); err != nil { // not through the escaper: it is no text
		return err
	}
	return printResult(s.err, made, backupTable)
}

type backupVerifyCmd struct {
	File string `arg:"" help:"File of the backup."`
}

// Help is what --help adds to the command's one line.
func (*backupVerifyCmd) Help() string {
	return `It reads the whole file: its pages, indexes and references, and the version of its schema. It cannot see a text that was changed in place: compare sha256 with what 'trusthub backup' printed.`
}

// Run prints what the backup has.
func (c *backupVerifyCmd) Run(ctx context.Context, s streams) error {
	found, err := store.VerifyBackup(ctx, c.File)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return printResult(s.out, found, backupTable)
}

func backupTable(w *tabwriter.Writer, b store.Backup) {
	fmt.Fprintf(w, "schema\t%d\nbytes\t%d\nsha256\t%s\n", b.Schema, b.Bytes, b.SHA256)
	for _, name := range slices.Sorted(maps.Keys(b.Rows)) {
		fmt.Fprintf(w, "%s\t%d\n", name, b.Rows[name])
	}
}
