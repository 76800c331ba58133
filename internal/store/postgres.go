package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens a pool, and a small one for authentication, directly or through a pooler. Timeouts in the URL override the
// options.
func openPostgres(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, explainURL(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = o.ConnectTimeout
	}
	switchover := newFailover(config)
	patient := config.Copy() // a migration may take longer than a request
	pooled, err := isPooled(ctx, config)
	if err != nil {
		return nil, err
	}
	if pooled {
		usePooler(patient, url, 0)
		usePooler(config, url, o.StatementTimeout)
	} else {
		limitStatements(patient, config, o.StatementTimeout)
	}
	e, migrator := postgresEngine(), stdlib.OpenDB(*patient)
	var found int64
	if err = checkEncoding(ctx, migrator); err == nil {
		found, err = prepare(ctx, e, migrator, migrator, o.Access)
	}
	if err := errors.Join(err, migrator.Close()); err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config, switchover.options()...)
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	auth := stdlib.OpenDB(*config, switchover.options()...)
	auth.SetConnMaxIdleTime(5 * time.Minute)
	s := newStore(e, pool, pool, auth)
	s.found = found
	return s, nil
}

// limitStatements sets the timeouts of a config that does not have them, and none in patient.
func limitStatements(patient, config *pgx.ConnConfig, limit time.Duration) {
	for _, name := range []string{
		"statement_timeout",
		"idle_in_transaction_session_timeout", // a transaction whose client has disappeared must not keep its locks
	} {
		patient.RuntimeParams[name] = "0"
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = strconv.FormatInt(max(limit, 0).Milliseconds(), 10)
		}
	}
}

// checkEncoding returns an error if the database cannot store every text.
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

// explainURL returns an error for a URL that pgx rejects. pgx's own error would include the URL with the password.
func explainURL(err error) error {
	if missing, ok := errors.AsType[*fs.PathError](err); ok { // sslrootcert, sslcert, sslkey
		return fmt.Errorf("the database URL names a file that cannot be read: %w", missing)
	}
	return errors.New("the database URL is invalid")
}

// mayCreateTables is engine.mayMigrate. Without it goose retries for some seconds and then returns a less helpful error.
func mayCreateTables(ctx context.Context, db *sql.DB) error {
	var role string
	var schema sql.NullString
	var may sql.NullBool
	if err := db.QueryRowContext(ctx, `SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')`).
		Scan(&role, &schema, &may); err != nil {
		return err
	}
	switch {
	case !schema.Valid:
		return errors.New("the search_path names no schema that exists")
	case !may.Bool:
		return fmt.Errorf("the role %q may not create tables in the schema %q: it needs the CREATE privilege there",
			role, schema.String)
	}
	return nil
}

// transact runs fn in a transaction.
func (s *Store) transact(ctx context.Context, fn func(session) error) error {
	return s.repeat(func() error { return s.transactOnce(ctx, fn) })
}

// repeat runs a transaction again that was aborted in favour of another.
func (s *Store) repeat(transaction func() error) error {
	const tries = 5
	for try := 1; ; try++ {
		err := transaction()
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

// uncertain wraps in ErrUncertain the error of a commit whose response was lost: it may have been committed.
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
