package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// engine is all that differs between the databases, apart from how each is opened and written to.
type engine struct {
	dialect goose.Dialect
	// snapshot are the options of a transaction that only reads, and sees one moment of the database.
	snapshot *sql.TxOptions
	// names is a query for what a database holds: its tables and views, and as table.column the columns of some of ours.
	names string
	// mayMigrate returns why the schema cannot be migrated, nil if it can.
	mayMigrate func(ctx context.Context, db *sql.DB) error
	// migrateUnder returns what keeps two processes from migrating at a time.
	migrateUnder func() ([]goose.ProviderOption, error)
	// driverPrepares reports whether the driver prepares by itself what it is asked repeatedly.
	driverPrepares bool
	// lockRow, after a SELECT, keeps the row from everyone else until the transaction ends; skipLocked passes over rows that
	// someone else has locked. A transaction on SQLite is alone anyway.
	lockRow, skipLocked string
	// now is the time by the database's clock, in microseconds, as an expression.
	now string
	// lockAccounts, where set, is a statement that keeps everyone else from adding accounts until the transaction ends.
	lockAccounts string
	// passes tells whether an error will pass by itself, collides whether the transaction was ended for another one's sake.
	passes, collides func(error) bool
}

func sqliteEngine() engine {
	return engine{
		dialect:  goose.DialectSQLite3,
		snapshot: &sql.TxOptions{ReadOnly: true}, // every transaction does
		names: `SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
			UNION ALL SELECT 'accounts.' || name FROM pragma_table_info('accounts')
			UNION ALL SELECT 'bundles.' || name FROM pragma_table_info('bundles')
			UNION ALL SELECT 'products.' || name FROM pragma_table_info('products')`,
		mayMigrate: func(context.Context, *sql.DB) error { return nil },
		// SQLite has no lock that outlasts a transaction. The one that loses the race for a migration tries again (migrate).
		migrateUnder: func() ([]goose.ProviderOption, error) { return nil, nil },
		passes: func(err error) bool {
			failure, ok := errors.AsType[*sqlite.Error](err)
			if !ok {
				return false
			}
			switch failure.Code() & 0xff { // the low byte is the primary code, the rest says more
			case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
				sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
				return true
			}
			return false
		},
		now:      `CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)`,
		collides: func(error) bool { return false },
	}
}

func postgresEngine() engine {
	return engine{
		dialect:        goose.DialectPostgres,
		driverPrepares: true, // pgx does, unless the URL says otherwise, as it must with some poolers
		snapshot:       &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		names: `WITH here AS (
				SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
					SELECT 1 FROM pg_catalog.pg_depend -- what an extension has made
					WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = c.oid AND deptype = 'e')
			)
			SELECT relname::text FROM here
			UNION ALL SELECT relname || '.' || attname FROM here JOIN pg_catalog.pg_attribute ON attrelid = oid
				WHERE relname IN ('accounts', 'bundles', 'products') AND attnum > 0 AND NOT attisdropped`,
		mayMigrate: mayCreateTables,
		migrateUnder: func() ([]goose.ProviderOption, error) {
			locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // tries each second for a minute
			return []goose.ProviderOption{goose.WithSessionLocker(locker)}, err
		},
		lockRow:    ` FOR UPDATE`,
		skipLocked: ` FOR UPDATE SKIP LOCKED`,
		now:        `CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)`,
		// It waits for writers, and lets readers go on.
		lockAccounts: `LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE`,
		passes: func(err error) bool {
			answer, ok := errors.AsType[*pgconn.PgError](err)
			if !ok {
				return lostConnection(err)
			}
			switch answer.Code[:2] {
			case "08", "53", "57", "58": // connection, resources, operator intervention (57014: statement time-out), I/O
				return true
			}
			return answer.Code == "25006" // read-only: a standby that will be promoted
		},
		collides: func(err error) bool {
			answer, ok := errors.AsType[*pgconn.PgError](err)
			return ok && (answer.Code == "40001" || answer.Code == "40P01") // serialization failure, deadlock
		},
	}
}

// lostConnection tells whether Postgres could not be reached, or has gone in the middle.
func lostConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// classify wraps in ErrUnavailable what another try may get past, so that callers need not know the engine.
func (s *Store) classify(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrUnavailable), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrConnDone), s.engine.passes(err), s.engine.collides(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
