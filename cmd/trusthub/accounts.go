package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type accountsCmd struct {
	Add  accountsAddCmd  `cmd:"" help:"Create an account and print its credentials and the SID of its Primary Customer Profile. Running servers accept it at once."`
	List accountsListCmd `cmd:"" help:"List accounts and their Primary Customer Profiles, oldest first."`
}

type accountsAddCmd struct {
	systemFlags
}

// Run creates an account with a new SID and token. The database need not exist yet.
func (c *accountsAddCmd) Run(ctx context.Context, s streams) error {
	c.needsToken = true
	return c.on(ctx, s, store.Create, func(api system) error {
		added, err := responseOf[operatorapi.NewAccount](api.CreateAccount(ctx)) //nolint:bodyclose // responseOf does
		if err != nil {
			return err
		}
		return printResult(s.out, accountRow{
			added.AccountSID, added.PrimaryCustomerProfileSID, added.DateCreated, added.AuthToken,
		}, accountTable)
	})
}

type accountsListCmd struct {
	systemFlags
	Tokens bool `help:"Show the auth tokens, too. It needs the database: the operator API does not show them."`
}

// Run lists the accounts, oldest first.
func (c *accountsListCmd) Run(ctx context.Context, s streams) error {
	if c.Tokens && c.OperatorURL != "" {
		return errors.New("--tokens needs --db: the operator API shows the auth token of an account only when it is added")
	}
	c.needsToken = c.Tokens
	return c.onExisting(ctx, s, func(api system) error {
		accounts, err := collect(0, func(size *int64, token *string) ([]operatorapi.Account, operatorapi.PageMeta, error) {
			params := operatorapi.ListAccountParams{PageSize: size, PageToken: token}
			page, err := responseOf[operatorapi.AccountPage](api.ListAccount(ctx, &params)) //nolint:bodyclose // responseOf does
			return page.Accounts, page.Meta, err
		})
		if err != nil {
			return err
		}
		var tokens map[string]string
		if c.Tokens {
			if tokens, err = authTokens(ctx, api.store, s); err != nil {
				return err
			}
		}
		rows := make([]accountRow, len(accounts))
		for i, a := range accounts {
			rows[i] = accountRow{a.AccountSID, a.PrimaryCustomerProfileSID, a.DateCreated, tokens[a.AccountSID]}
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []accountRow) {
			for _, row := range rows {
				accountTable(w, row)
			}
		})
	})
}

// authTokens returns the auth tokens of all accounts by their SIDs, and prints why some cannot be decrypted.
func authTokens(ctx context.Context, db *store.Store, s streams) (map[string]string, error) {
	accounts, err := db.Accounts(ctx)
	tokens := make(map[string]string, len(accounts))
	for _, a := range accounts {
		tokens[a.SID] = a.AuthToken
		if a.TokenErr != nil {
			fmt.Fprintln(s.err, a.TokenErr)
		}
	}
	return tokens, err
}

// accountRow is an account as it is printed.
type accountRow struct {
	SID        string    `json:"account_sid"`
	PrimarySID string    `json:"primary_customer_profile_sid"`
	Created    time.Time `json:"date_created"`
	AuthToken  string    `json:"auth_token,omitempty"`
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
