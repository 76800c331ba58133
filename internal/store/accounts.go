package store

import (
	"context"
	"database/sql"
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
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (sid) DO UPDATE SET auth_token = excluded.auth_token`,
			a.SID, a.AuthToken, micros(a.Created))
		return err
	})
}

// FirstAccount stores the account if there is none at all, and tells whether it did.
func (s *Store) FirstAccount(ctx context.Context, a Account) (stored bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.Exec(`INSERT INTO accounts (sid, auth_token, created_at) SELECT $1, $2, $3
			WHERE NOT EXISTS (SELECT 1 FROM accounts)`, a.SID, a.AuthToken, micros(a.Created))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		stored = n == 1
		return err
	})
	return stored, err
}

// Account returns the account with this SID, or ErrNotFound.
func (s *Store) Account(ctx context.Context, sid string) (Account, error) {
	row := s.reader.QueryRowContext(ctx, "SELECT sid, auth_token, created_at FROM accounts WHERE sid = $1", sid)
	a, err := scanAccount(row)
	return a, classify(err)
}

// Accounts returns all accounts, the oldest first.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	return queryAll(ctx, s.reader, scanAccount, "SELECT sid, auth_token, created_at FROM accounts ORDER BY created_at, sid")
}

func scanAccount(row scanner) (Account, error) {
	var a Account
	var created int64
	err := row.Scan(&a.SID, &a.AuthToken, &created)
	a.Created = fromMicros(created)
	return a, err
}

// scanner is what *sql.Row and *sql.Rows have in common.
type scanner interface{ Scan(dest ...any) error }

// queryer is what *sql.DB and *sql.Tx have in common.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func queryAll[T any](ctx context.Context, db queryer, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, classify(err)
		}
		all = append(all, one)
	}
	return all, classify(rows.Err())
}
