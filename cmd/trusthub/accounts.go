package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type accountsCmd struct {
	Add  accountsAddCmd  `cmd:"" help:"Create an account and print its credentials and the SID of its Primary Customer Profile. Running servers accept it at once."`
	List accountsListCmd `cmd:"" help:"List accounts and their Primary Customer Profiles, oldest first."`

	Rotate  accountsRotateCmd  `cmd:"" help:"Give an account a secondary auth token beside the primary one, and print it. Both authenticate; the primary one signs callbacks. Servers accept it at once."`
	Promote accountsPromoteCmd `cmd:"" help:"Make the secondary auth token of an account its primary one. The old one ends within a second."`
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
			SID: added.AccountSID, PrimarySID: added.PrimaryCustomerProfileSID, Created: added.DateCreated, AuthToken: added.AuthToken,
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
		var stored map[string]store.Account
		if c.Tokens {
			if stored, err = storedAccounts(ctx, api.store, s); err != nil {
				return err
			}
		}
		rows := make([]accountRow, len(accounts))
		for i, a := range accounts {
			rows[i] = newAccountRow(a)
			rows[i].AuthToken, rows[i].SecondaryToken = stored[a.AccountSID].AuthToken, stored[a.AccountSID].SecondaryToken
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []accountRow) {
			for _, row := range rows {
				accountTable(w, row)
			}
		})
	})
}

// storedAccounts returns all accounts of a database by their SIDs, and prints why the tokens of some cannot be decrypted.
func storedAccounts(ctx context.Context, db *store.Store, s streams) (map[string]store.Account, error) {
	accounts, err := db.Accounts(ctx)
	stored := make(map[string]store.Account, len(accounts))
	for _, a := range accounts {
		stored[a.SID] = a
		if a.TokenErr != nil {
			fmt.Fprintln(s.err, a.TokenErr)
		}
	}
	return stored, err
}

// accountRow is an account as it is printed.
type accountRow struct {
	SID            string    `json:"account_sid"`
	PrimarySID     string    `json:"primary_customer_profile_sid"`
	Created        time.Time `json:"date_created"`
	AuthToken      string    `json:"auth_token,omitempty"`
	HasSecondary   bool      `json:"has_secondary_auth_token,omitempty"`
	SecondaryToken string    `json:"secondary_auth_token,omitempty"`
}

func newAccountRow(a operatorapi.Account) accountRow {
	return accountRow{
		SID: a.AccountSID, PrimarySID: a.PrimaryCustomerProfileSID, Created: a.DateCreated, HasSecondary: a.HasSecondaryAuthToken,
	}
}

func accountTable(w *tabwriter.Writer, row accountRow) {
	secondary := row.SecondaryToken
	if secondary == "" && row.HasSecondary {
		secondary = "has a secondary auth token"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.SID, row.PrimarySID, row.Created.Format(time.DateTime), row.AuthToken, secondary)
}

// putAccount stores an account after checking that its credentials are well-formed, so that every client can send them. It logs
// when that ends the primary token of an existing account.
func putAccount(ctx context.Context, db *store.Store, account store.Account, log *slog.Logger) error {
	if !trust.ValidAccountSID(account.SID) {
		return errors.New("the account SID must be AC and 32 hex digits (TWILIO_ACCOUNT_SID)")
	}
	if !trust.ValidAuthToken(account.AuthToken) {
		return errors.New("the auth token must be 1 to 128 letters and digits (TWILIO_AUTH_TOKEN)")
	}
	before, err := db.Account(ctx, account.SID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := db.PutAccount(ctx, account); err != nil {
		return err
	}
	if before.AuthToken != "" && before.AuthToken != account.AuthToken {
		log.Warn("TWILIO_AUTH_TOKEN replaces the primary auth token of the account, which ends", "account_sid", account.SID)
	}
	return nil
}
