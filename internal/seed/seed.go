// Package seed fills an account from a YAML file, so that a test suite or a staging system starts from a known state: Customer
// Profiles and Trust Products in any status, end users, supporting documents, and what is assigned to what.
//
// # What it guarantees
//
//   - Everything is stored in one transaction, or nothing is.
//   - Every object has a key, and its SID follows from its kind and its key alone. The same file makes the same SIDs everywhere.
//   - What is there already is never changed. Seeding the same file again creates only what has been deleted since.
//   - Each object is validated as the request that would have created it, with the rules of the contract.
//   - Errors name the file, the line and the field, but never a value.
//
// # What it does not do
//
// It sends no callbacks and no e-mail for how an object got to its status, makes no evaluations, and counts against no quota. A
// bundle that is seeded in review is reviewed as any other.
package seed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// The limits of a file.
const (
	MaxBytes = 1 << 20
	MaxRows  = 10_000 // objects, assignments and phone numbers together
)

//go:embed example.yaml
var example []byte

// Example returns a file to start from.
func Example() []byte { return example }

// Config says where and how to store what a file describes.
type Config struct {
	// AccountSID is the account. If it is empty, the account is the one that the file names, or the only one of the database.
	AccountSID string
	// Policy says when a bundle in review is due, and how long an approval is valid if the file does not.
	Policy trust.Policy
	Now    time.Time
}

// Result says what Store did.
type Result struct {
	AccountSID string            `json:"account_sid"`
	Created    int               `json:"created"`   // objects, assignments and phone numbers
	Unchanged  int               `json:"unchanged"` // those that were there already
	Changed    []string          `json:"changed"`   // keys of unchanged objects that others changed since they were seeded
	SIDs       map[string]string `json:"sids"`      // of all objects by their keys
}

// Store stores what is missing of the file. It returns an *Error if the file does not fit what is stored.
func (f *File) Store(ctx context.Context, db *store.Store, config Config) (result Result, err error) {
	account, err := f.chooseAccount(ctx, db, config.AccountSID)
	if err != nil {
		return Result{}, err
	}
	by := trust.Origin{By: trust.Operator, At: config.Now}
	err = db.Seed(ctx, account, f.sids(account), by, func(found store.Contents) (store.Contents, error) {
		p := newPlan(f, account, config, found)
		rows, err := p.missing()
		result = p.result
		return rows, err
	})
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// chooseAccount returns the SID of an account that exists.
func (f *File) chooseAccount(ctx context.Context, db *store.Store, given string) (string, error) {
	problems := problems{file: f.name}
	switch {
	case f.accountSID != "" && given != "" && f.accountSID != given:
		problems.add(f.accountLine, "account_sid is not the account to seed")
		return "", problems.err()
	case f.accountSID != "":
		given = f.accountSID
	}
	if given != "" {
		_, err := db.Account(ctx, given)
		switch {
		case errors.Is(err, store.ErrNotFound) && f.accountSID != "":
			problems.add(f.accountLine, "account_sid: unknown account")
			return "", problems.err()
		case errors.Is(err, store.ErrNotFound):
			return "", errors.New("unknown account")
		}
		return given, err
	}
	accounts, err := db.Accounts(ctx)
	switch {
	case err != nil:
		return "", err
	case len(accounts) == 0:
		return "", errors.New("the database has no account; create one with 'trusthub accounts add'")
	case len(accounts) > 1:
		return "", fmt.Errorf("the database has %d accounts; name one with --account-sid, or as account_sid in the file",
			len(accounts))
	}
	return accounts[0].SID, nil
}
