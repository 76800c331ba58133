package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type eraseCmd struct {
	DB      string `name:"db" default:"trusthub.db" env:"TRUSTHUB_DB" help:"Database: the name of an SQLite file, or a postgres:// URL."`
	Bundle  string `xor:"whom" required:"" placeholder:"SID" help:"Erase a Trust Product or Customer Profile, also one that was deleted."`
	Email   string `xor:"whom" required:"" placeholder:"ADDRESS" help:"Erase what has this e-mail address."`
	Account string `xor:"whom" required:"" placeholder:"SID" help:"Erase an account and all that it has."`
	DryRun  bool   `help:"Erase nothing, and print what would be erased."`
}

// Help is what --help adds to the command's one line.
func (*eraseCmd) Help() string {
	return `--bundle erases the bundle with its assignments, phone numbers, evaluations, callbacks, e-mails and history, the end users and supporting documents that no other bundle has, and the answers that are kept for repeated requests about any of them.

--email erases, in all accounts, each bundle whose Email or name has the address as with --bundle, each end user and supporting document whose name or attributes have it, also from bundles of others, and each e-mail to it. Case does not matter. A+tag@acme.example is another address than a@acme.example.

--account also erases the account itself with its credentials and its Primary Customer Profile. A server that is started with TWILIO_ACCOUNT_SID of the account creates it again.

Bundles that stay lose what is erased in whatever status they are, keep its SIDs in their histories, and are not reviewed again. Nobody is notified.

It can run beside servers. If it is interrupted, run it again. A SQLite file is rewritten at the end, so that nothing is left in free space: nobody can write meanwhile, some seconds for each GB. Backups, logs and the requests that servers keep in memory until they stop (--request-log) are not touched.`
}

// Run erases and prints how many rows of each table.
func (c *eraseCmd) Run(ctx context.Context, s streams) (err error) {
	db, err := store.Open(ctx, c.DB, store.Options{Access: store.Existing, StatementTimeout: noLimit, KeysOptional: true})
	if err != nil {
		return advise(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	counts, err := db.Erase(ctx, store.Erasure{
		BundleSID: c.Bundle, Email: c.Email, AccountSID: c.Account, DryRun: c.DryRun,
		By: trust.Origin{By: trust.Operator, At: time.Now()},
	})
	switch {
	case errors.Is(err, trust.ErrPrimary):
		return errors.New("this is the Primary Customer Profile of an account, which is erased with it: --account")
	case err != nil:
		return fmt.Errorf("not all is erased, run the command again: %w", err)
	}
	if !c.DryRun { // also if nothing was found: an earlier run may have been interrupted before
		if err := db.Scrub(ctx); err != nil {
			return fmt.Errorf("all is deleted, but may be left in the file's free space, run the command again: %w", err)
		}
	}
	var total int64
	for _, rows := range counts {
		total += rows
	}
	if total == 0 {
		return errors.New("nothing was found to erase")
	}
	if c.DryRun {
		fmt.Fprintln(s.err, "dry run: nothing was erased")
	}
	return printResult(s.out, counts, func(w *tabwriter.Writer, counts map[string]int64) {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(w, "%s\t%d\n", name, counts[name])
		}
	})
}
