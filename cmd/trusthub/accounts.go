package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type accountsCmd struct {
	Add  accountsAddCmd  `cmd:"" help:"Create an account and print its credentials and the SID of its Primary Customer Profile. Running servers accept it at once."`
	List accountsListCmd `cmd:"" help:"List accounts and their Primary Customer Profiles, oldest first."`
}

type accountsAddCmd struct {
	dbFlag
}

// Run creates an account with a new SID and token.
func (c *accountsAddCmd) Run(ctx context.Context, s streams) (err error) {
	db, err := c.open(ctx, store.Create) // the database need not exist yet
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	account := operator.NewAccount(time.Now())
	if err := db.PutAccount(ctx, account); err != nil {
		return err
	}
	row := newAccountRow(account)
	row.AuthToken = account.AuthToken
	return printResult(s.out, row, accountTable)
}

type accountsListCmd struct {
	dbFlag
	Tokens bool `help:"Show the auth tokens, too."`
}

// Run lists the accounts, oldest first.
func (c *accountsListCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		accounts, err := db.Accounts(ctx)
		if err != nil {
			return err
		}
		rows := make([]accountRow, len(accounts))
		for i, account := range accounts {
			rows[i] = newAccountRow(account)
			if c.Tokens {
				rows[i].AuthToken = account.AuthToken
			}
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []accountRow) {
			for _, row := range rows {
				accountTable(w, row)
			}
		})
	})
}

// accountRow is an account as it is printed.
type accountRow struct {
	SID        string    `json:"account_sid"`
	PrimarySID string    `json:"primary_customer_profile_sid"`
	Created    time.Time `json:"date_created"`
	AuthToken  string    `json:"auth_token,omitempty"`
}

// newAccountRow leaves out the token.
func newAccountRow(account store.Account) accountRow {
	return accountRow{SID: account.SID, PrimarySID: trust.PrimarySID(account.SID), Created: account.Created.UTC()}
}

func accountTable(w *tabwriter.Writer, row accountRow) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.SID, row.PrimarySID, row.Created.Format(time.DateTime), row.AuthToken)
}

// putAccount stores an account after checking that its credentials are well-formed, so that every client can send them.
func putAccount(ctx context.Context, db *store.Store, account store.Account) error {
	if !trust.ValidAccountSID(account.SID) {
		return errors.New("the account SID must be AC and 32 hex digits (TWILIO_ACCOUNT_SID)")
	}
	if !trust.ValidAuthToken(account.AuthToken) {
		return errors.New("the auth token must be 1 to 128 letters and digits (TWILIO_AUTH_TOKEN)")
	}
	return db.PutAccount(ctx, account)
}
