package store

import (
	"context"
	"time"
)

// Account is one account: who may call the API, and with which token.
type Account struct {
	SID       string
	AuthToken string
	Created   time.Time
}

// PutAccount stores the account; where it exists already, it gets this auth token.
func (s *Store) PutAccount(ctx context.Context, a Account) error {
	_, err := s.exec(ctx, `INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (sid) DO UPDATE SET auth_token = excluded.auth_token`, a.SID, a.AuthToken, micros(a.Created))
	s.version.Add(1)
	return err
}

// FirstAccount stores the account if there is none at all, and tells whether it did. Of several servers that start at once
// on an empty database, one does.
func (s *Store) FirstAccount(ctx context.Context, a Account) (stored bool, err error) {
	err = s.write(ctx, func(tx session) error {
		if s.engine.lockAccounts != "" {
			if _, err := tx.exec(s.engine.lockAccounts); err != nil {
				return err
			}
		}
		changed, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT) WHERE NOT EXISTS (SELECT 1 FROM accounts)`,
			a.SID, a.AuthToken, micros(a.Created))
		stored = changed == 1
		return err
	})
	return stored, err
}

// AccountsVersion changes whenever this process changes an account, for whoever keeps a copy.
func (s *Store) AccountsVersion() int64 { return s.version.Load() }

// Account returns the account with this SID, or ErrNotFound.
func (s *Store) Account(ctx context.Context, sid string) (Account, error) {
	a, err := scanAccount(session{ctx, s.logins}.row("SELECT sid, auth_token, created_at FROM accounts WHERE sid = $1", sid))
	return a, s.classify(err)
}

// Accounts returns all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	all, err := queryAll(s.read(ctx), scanAccount, "SELECT sid, auth_token, created_at FROM accounts ORDER BY created_at, sid")
	return all, s.classify(err)
}

func scanAccount(row scanner) (Account, error) {
	var a Account
	var created int64
	err := row.Scan(&a.SID, &a.AuthToken, &created)
	a.Created = fromMicros(created)
	return a, err
}
