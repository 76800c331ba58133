// Package store keeps accounts and Trust Products in a database.
//
// It guarantees that a write which returned without error survives kill -9 and power loss, that it is whole or absent,
// and that a change to a product runs alone: two changes to one product never mix. It does not know what a change
// means: the caller passes a function that runs inside the transaction.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
)

var (
	// ErrNotFound says that there is no such row, or none that belongs to the account.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable wraps the errors of a database that cannot be used at present; another try may succeed.
	ErrUnavailable = errors.New("the database is unavailable")
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	writer *sql.DB // one connection: SQLite has one writer, and waiting here is fairer than waiting inside SQLite
	reader *sql.DB
	woken  chan struct{}
}

// Open opens the SQLite database at path, creates it where it is missing (readable by its owner only, since it holds
// auth tokens), and brings its schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	writer, reader, err := openSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	s := &Store{writer: writer, reader: reader, woken: make(chan struct{}, 1)}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close waits for running queries and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// Woken receives after a commit of this process that may have made something due. It is for one receiver; what another
// process commits must be polled for.
func (s *Store) Woken() <-chan struct{} { return s.woken }

func (s *Store) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // already woken
	}
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return classify(s.reader.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies what is missing of the migrations. Several processes may start at once: the one that loses the race
// for a migration finds it applied when it looks again.
func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, dir)
		if err != nil {
			return fmt.Errorf("read migrations: %w", err)
		}
		_, err = provider.Up(ctx)
		if err == nil {
			return nil
		}
		if try == tries || ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
}

// write runs fn in a transaction that no other write overlaps, and commits it durably.
//
// The context bounds the wait for the turn. A transaction that has begun is not interrupted: it takes milliseconds, and
// a caller who has gone must not spoil the connection.
func (s *Store) write(ctx context.Context, fn func(*sql.Tx) error) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return classify(err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool; the commit has been checked
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return classify(err)
	}
	// Also after a panic in fn: an open transaction would keep the only connection, and so every later write, for ever.
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing; a failed one closes the connection
	if err := fn(tx); err != nil {
		return classify(err)
	}
	return classify(tx.Commit())
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
