// Package store keeps accounts and Trust Products in a database.
//
// It guarantees that a write which returned without error survives kill -9 and power loss, that it is whole or absent,
// and that a change to a product runs alone: two changes to one product never mix. It does not know what a change
// means: the caller passes a function that runs inside the transaction.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
)

var (
	// ErrNotFound says that there is no such row, or none that belongs to the account.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable wraps the errors of a database that cannot be used at present; another try may succeed.
	ErrUnavailable = errors.New("the database is unavailable")
	// ErrUncertain comes with ErrUnavailable where the database went away during a commit: the write may have been made.
	ErrUncertain = errors.New("whether the write was made is unknown")
)

// Options say how a database is opened. Zero values are replaced by the defaults.
type Options struct {
	MustExist bool // do not create a SQLite file that is missing

	// What a Postgres database is asked for.
	MaxConns         int           // connections at a time; 16
	ConnectTimeout   time.Duration // for one connection; 5 s
	StatementTimeout time.Duration // for one statement; 10 s; below 0: none
}

func (o Options) withDefaults() Options {
	o.MaxConns = cmp.Or(o.MaxConns, 16)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 5*time.Second)
	o.StatementTimeout = cmp.Or(o.StatementTimeout, 10*time.Second)
	return o
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	engine  engine
	writer  *sql.DB
	reader  *sql.DB  // the writer itself on Postgres
	reads   runner   // on reader, outside transactions
	batches *batcher // of writes, on SQLite; nil on Postgres, where writes run beside each other
	inserts *inserts // of new products, on Postgres; nil on SQLite
	woken   chan struct{}
	version atomic.Int64 // of the accounts, as far as this process has changed them
}

// Open opens a database and brings its schema up to date: Postgres where name is a postgres:// URL, else the SQLite file of
// that name, which it creates where it is missing (readable by its owner only, since it holds auth tokens).
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if IsPostgres(name) {
		s, err := openPostgres(ctx, name, o.withDefaults())
		if err != nil {
			return nil, fmt.Errorf("open the Postgres database: %w", err) // without the URL: it may hold a password
		}
		return s, nil
	}
	s, err := openSQLite(ctx, name, o.MustExist)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	return s, nil
}

// notAFile matches what must be meant for something else than a file: a URL, also without its slashes, and a connection string.
var notAFile = regexp.MustCompile(`(?i)://|password\s*=|^\s*[a-z][a-z0-9+.-]+:.*@|^\s*(host|port|user|dbname|service)\s*=`)

// checkName returns an error for a name that is neither a Postgres URL nor a file's, and does not quote it: such a name often
// holds a password. So does a URL whose user and password net/url takes for the host and a path, for a / or ? in the password.
func checkName(name string) error {
	if !IsPostgres(name) {
		if notAFile.MatchString(name) {
			return errors.New("the database must be the name of a file, or a URL that begins with postgres://")
		}
		return nil
	}
	u, err := url.Parse(name)
	if err != nil || (u.User == nil && strings.Contains(name, "@")) {
		return errors.New("the URL of the database is not valid; special characters in user and password must be percent-encoded")
	}
	return nil
}

// IsPostgres tells whether Open takes name for a Postgres database.
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

func newStore(e engine, writer, reader *sql.DB) *Store {
	s := &Store{engine: e, writer: writer, reader: reader, reads: reader, woken: make(chan struct{}, 1)}
	if !e.driverPrepares {
		s.reads = &preparedReads{DB: reader, statements: map[string]*sql.Stmt{}}
	}
	return s
}

// Close waits for running queries and closes the database. A write that still waits for its turn is not made.
func (s *Store) Close() error {
	var errs []error
	if s.batches != nil {
		errs = append(errs, s.batches.close())
	}
	if s.reader != s.writer {
		errs = append(errs, s.reader.Close())
	}
	return errors.Join(append(errs, s.writer.Close())...)
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
	return s.classify(s.read(ctx).row("SELECT 1").Scan(&one))
}

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies what is missing of the migrations. Several processes may start at once: the one that loses the race
// for a migration finds it applied when it looks again.
func migrate(ctx context.Context, e engine, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		options, err := e.migrateUnder()
		if err != nil {
			return fmt.Errorf("migration lock: %w", err)
		}
		provider, err := goose.NewProvider(e.dialect, db, dir, options...)
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

// read returns a session for reading outside a transaction.
func (s *Store) read(ctx context.Context) session { return session{ctx, s.reads} }

// write runs fn in a transaction and commits it durably. fn may be run more than once where an earlier run was undone.
func (s *Store) write(ctx context.Context, fn func(session) error) error {
	if s.batches != nil {
		return s.classify(s.batches.do(ctx, false, fn))
	}
	return s.classify(s.transact(ctx, fn))
}

// writeOne is write for an fn that runs one statement, which fails as a whole anyway: it costs less.
func (s *Store) writeOne(ctx context.Context, fn func(session) error) error {
	if s.batches != nil {
		return s.classify(s.batches.do(ctx, true, fn))
	}
	return s.classify(uncertain(fn(session{ctx, s.writer}))) // the statement is its own commit
}

// exec runs one statement and commits it durably.
func (s *Store) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = s.writeOne(ctx, func(one session) error {
		var err error
		changed, err = one.exec(query, args...)
		return err
	})
	return changed, err
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
