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
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// engine holds the differences between the databases, apart from how each is opened and written to.
type engine struct {
	dialect goose.Dialect
	// snapshot are the options of a read-only transaction that sees one snapshot of the database.
	snapshot *sql.TxOptions
	// names is a query for the names of all tables and views, and of the columns of some of our tables as table.column.
	names string
	// mayMigrate returns an error if the schema cannot be migrated.
	mayMigrate func(ctx context.Context, db *sql.DB) error
	// lockMigrations keeps other processes from migrating at the same time, until unlock is called.
	lockMigrations func(ctx context.Context, db *sql.DB) (unlock func() error, err error)
	// driverPrepares reports whether the driver caches prepared statements.
	driverPrepares bool
	// lockRow, after a SELECT, locks the rows until the transaction ends; skipLocked skips rows that others have locked. They are
	// empty on SQLite, where transactions do not overlap.
	lockRow, skipLocked string
	// list is a subquery for the elements of the JSON array $1, as values. With it a statement has one text for any number of
	// rows.
	list string
	// within returns the condition and the order to read one part of an index (columns, column), the part with these values, from
	// above one value of column up to another, or to the end if upTo is empty.
	within func(columns, values, column, above, upTo string) string
	// now is an expression for the time of the database's clock in microseconds.
	now string
	// lockAccounts, if set, is a statement that keeps others from adding accounts until the transaction ends.
	lockAccounts string
	// passes reports whether an error is temporary, collides whether the transaction was aborted in favour of another.
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
		// SQLite has no lock that leaves others a connection. The one that loses the race for a migration tries again (migrate).
		lockMigrations: func(context.Context, *sql.DB) (func() error, error) { return func() error { return nil }, nil },
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
		list: `(SELECT value FROM json_each($1))`,
		within: func(columns, values, column, above, upTo string) string {
			condition := `(` + columns + `) = (` + values + `) AND ` + column + ` > ` + above
			if upTo != "" {
				condition += ` AND ` + column + ` <= ` + upTo
			}
			return condition + ` ORDER BY ` + column
		},
		now:      `CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)`,
		collides: func(error) bool { return false },
	}
}

func postgresEngine() engine {
	return engine{
		dialect:        goose.DialectPostgres,
		driverPrepares: true, // pgx does, except through a pooler
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
		mayMigrate:     mayCreateTables,
		lockMigrations: lockMigrations,
		lockRow:        ` FOR UPDATE`,
		skipLocked:     ` FOR UPDATE SKIP LOCKED`,
		// Without the LIMIT the planner would expect 100 elements, and read small tables as a whole.
		list: `(SELECT value FROM json_array_elements(CAST($1 AS JSON)) AS elements (value)
			LIMIT json_array_length(CAST($1 AS JSON)))`,
		// Only that index has all columns of this order. With ORDER BY due_at the planner may go through notices_due, past all
		// that is due to others, or read a whole part to sort it. SQLite in turn uses too few columns of such comparisons.
		within: func(columns, values, column, above, upTo string) string {
			row := `(` + columns + `, ` + column + `)`
			condition := row + ` > (` + values + `, ` + above + `) AND `
			if upTo == "" {
				condition += `(` + columns + `) <= (` + values + `)`
			} else {
				condition += row + ` <= (` + values + `, ` + upTo + `)`
			}
			return condition + ` ORDER BY ` + columns + `, ` + column
		},
		now: `CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000 AS BIGINT)`,
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
			return answer.Code == readOnly // a standby that will be promoted
		},
		collides: func(err error) bool {
			answer, ok := errors.AsType[*pgconn.PgError](err)
			return ok && (answer.Code == "40001" || answer.Code == "40P01") // serialization failure, deadlock
		},
	}
}

// lostConnection reports whether Postgres could not be reached or the connection was lost.
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

// classify wraps errors that a retry may resolve in ErrUnavailable, so that callers need not know the engine.
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
