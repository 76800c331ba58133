package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// openPostgres opens a pool. What the URL itself says of time-outs goes before the options.
func openPostgres(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the database is not valid") // pgx's error would repeat it, with the password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = o.ConnectTimeout
	}
	limits := map[string]time.Duration{
		"statement_timeout": o.StatementTimeout,
		// A transaction whose client has gone must not keep its locks.
		"idle_in_transaction_session_timeout": o.StatementTimeout,
	}
	patient := config.Copy() // a migration may take longer than any request should
	for name, limit := range limits {
		patient.RuntimeParams[name] = "0"
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = strconv.FormatInt(max(limit, 0).Milliseconds(), 10)
		}
	}
	migrator := stdlib.OpenDB(*patient)
	err = checkEncoding(ctx, migrator)
	if err == nil {
		err = migrate(ctx, postgresEngine(), migrator)
	}
	if err := errors.Join(err, migrator.Close()); err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	s := newStore(postgresEngine(), pool, pool)
	s.inserts = &inserts{run: s.insertTogether}
	return s, nil
}

// checkEncoding refuses a database that cannot keep every text.
func checkEncoding(ctx context.Context, db *sql.DB) error {
	var encoding string
	if err := db.QueryRowContext(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s, and must be UTF8: create it with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// insertTogether stores products whose callers do not know of each other: none of their contexts may end it for the others.
func (s *Store) insertTogether(products []trust.Product) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	return s.writeOne(ctx, func(one session) error { return insertProducts(one, products) })
}

// transact runs fn in a transaction of its own. One that collided with another's is run again: nothing of it has happened.
func (s *Store) transact(ctx context.Context, fn func(session) error) error {
	const tries = 5
	for try := 1; ; try++ {
		err := s.transactOnce(ctx, fn)
		if try == tries || err == nil || !s.engine.collides(err) {
			return err
		}
	}
}

func (s *Store) transactOnce(ctx context.Context, fn func(session) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Also after a panic in fn. After a commit it does nothing.
	defer tx.Rollback() //nolint:errcheck // a failed one closes the connection, which ends the transaction too
	if err := runSafely(fn, session{ctx, tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return uncertain(err)
	}
	return nil
}

// uncertain marks the error of a commit whose answer was lost on the way: the commit may have been made.
func uncertain(err error) error {
	if err == nil || !lostConnection(err) || pgconn.SafeToRetry(err) {
		return err
	}
	if _, never := errors.AsType[*pgconn.ConnectError](err); never {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

var _ runner = (*sql.Tx)(nil)
