package store

import (
	"context"
	_ "embed"
	"strings"
	"time"
)

// Account is one account: who may call the API, and with which tokens.
type Account struct {
	SID            string
	AuthToken      string // the primary token; signs the callbacks of the account, too
	SecondaryToken string // accepted as well, until it is promoted; empty unless tokens are rotated
	Created        time.Time
	TokenErr       error // why the tokens, which are empty then, cannot be decrypted; never stored

	sealedSecondary bool // with TokenErr: whether there is a secondary token
}

// HasSecondaryToken reports whether the tokens are being rotated, even if they cannot be decrypted.
func (a Account) HasSecondaryToken() bool { return a.SecondaryToken != "" || a.sealedSecondary }

var accounts = newTable(
	layout{name: "accounts"},
	fixed(text("sid", func(a *Account) *string { return &a.SID })),
	text("auth_token", func(a *Account) *string { return &a.AuthToken }),
	fixed(moment("created_at", func(a *Account) *time.Time { return &a.Created })),
	text("secondary_token", func(a *Account) *string { return &a.SecondaryToken }),
)

// accountKeys are accounts with nothing but their SID.
var accountKeys = accounts.only("sid")

// addPrimaries gives each account that has none its Primary Customer Profile. It is a migration, and runs again at each Open with
// Migrate, because a server of the version before adds accounts without one.
//
//go:embed migrations/00011_primaries.sql
var addPrimaries string

// addPrimary is addPrimaries for one account.
var addPrimary = strings.Replace(addPrimaries, "WHERE ", "WHERE a.sid = $1 AND ", 1)

// PutAccount stores the account with its Primary Customer Profile. An account that exists already gets this auth token as its
// primary one, and its Primary if it has none. If the token is its secondary one, that is promoted.
func (s *Store) PutAccount(ctx context.Context, a Account) error {
	sealed, err := s.sealAccount(a)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(tx session) error {
		stored, err := accounts.execInsert(tx, accounts.insertOne+` ON CONFLICT (sid) DO NOTHING`, sealed)
		if err == nil && stored == 0 {
			err = s.setToken(tx, a, sealed.AuthToken)
		}
		if err != nil {
			return err
		}
		_, err = tx.exec(addPrimary, a.SID)
		return err
	})
	s.version.Add(1)
	return err
}

// FirstAccount stores the account if the database has none, and reports whether it did. If several servers start at once on an
// empty database, one of them does. The account has its Primary Customer Profile then.
func (s *Store) FirstAccount(ctx context.Context, a Account) (stored bool, err error) {
	if a, err = s.sealAccount(a); err != nil {
		return false, err
	}
	err = s.write(ctx, func(tx session) error {
		if s.engine.lockAccounts != "" {
			if _, err := tx.exec(s.engine.lockAccounts); err != nil {
				return err
			}
		}
		var some bool
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM accounts)`).Scan(&some); err != nil {
			return err
		}
		if stored = !some; stored {
			if err := accounts.insert(tx, a); err != nil {
				return err
			}
			_, err := tx.exec(addPrimary, a.SID)
			return err
		}
		return nil
	})
	return stored && err == nil, err
}

// Account returns the account with this SID, or ErrNotFound.
func (s *Store) Account(ctx context.Context, sid string) (Account, error) {
	a, err := accounts.fetch(session{ctx, s.logins}, nil, sid, "")
	return s.openAccount(a), s.classify(err)
}

// Place is where a row is in a list that is ordered by a time, and by SID among rows of the same time. The zero Place is before
// all rows.
type Place struct {
	Time time.Time
	SID  string
}

// AccountsAfter returns up to limit accounts behind a place in the list of Accounts.
func (s *Store) AccountsAfter(ctx context.Context, after Place, limit int) ([]Account, error) {
	all, err := queryAll(s.read(ctx), s.scanAccount, `SELECT `+accounts.list+` FROM accounts
		WHERE (created_at, sid) > ($1, $2) ORDER BY created_at, sid LIMIT $3`, micros(after.Time), after.SID, limit)
	return all, s.classify(err)
}

// Accounts returns all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	all, err := queryAll(s.read(ctx), s.scanAccount, `SELECT `+accounts.list+` FROM accounts ORDER BY created_at, sid`)
	return all, s.classify(err)
}
