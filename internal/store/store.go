// Package store keeps accounts and bundles in a database.
//
// It guarantees that a write which returned without error survives kill -9 and power loss, that it is whole or absent,
// and that a change to a bundle runs alone: two changes to one bundle never mix. It does not know what a change
// means: the caller passes a function that runs inside the transaction.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opentrusthub/trusthub/internal/trust"
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
	Access Access // what Open may do to a database that is new or older than this program

	// What a Postgres database is asked for.
	MaxConns         int           // connections at a time, besides authConns; 16
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
	Bundles          *Resource[trust.Bundle]
	EndUsers         *Resource[trust.EndUser]
	Documents        *Resource[trust.SupportingDocument]
	Assignments      *Resource[trust.Assignment]
	ChannelEndpoints *Resource[trust.ChannelEndpoint]
	Evaluations      *Resource[trust.Evaluation]

	engine  engine
	writer  *sql.DB
	reader  *sql.DB             // the writer itself on Postgres
	auth    *sql.DB             // for Account alone: whoever keeps the others busy keeps no caller from being authenticated
	reads   runner              // on reader, outside transactions
	logins  runner              // on auth
	scans   *semaphore.Weighted // of rows that a filter without an index reads
	batches *batcher            // of writes, on SQLite; nil on Postgres, where writes run beside each other
	woken   chan struct{}
	version atomic.Int64 // of the accounts, as far as this process has changed them
	file    *file        // on SQLite; nil on Postgres
	found   int64        // the version of the schema before Open
	writes  lastWrite
}

// Open opens a database: Postgres where name is a postgres:// URL, else the SQLite file of that name, which is readable by its
// owner only, since it holds auth tokens. o.Access says what may be made or migrated; a database that does not fit then is
// refused and left as it is: ErrForeign, ErrEmpty, ErrOlder, ErrNewer.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s, err := open(ctx, name, o.withDefaults())
	if err != nil {
		return nil, err
	}
	if err := s.checkSchema(ctx); err != nil {
		return nil, errors.Join(openError(name, err), s.Close())
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

func open(ctx context.Context, name string, o Options) (s *Store, err error) {
	if IsPostgres(name) {
		s, err = openPostgres(ctx, name, o)
	} else {
		s, err = openSQLite(ctx, name, o.Access)
	}
	if err != nil {
		return nil, openError(name, err)
	}
	return s, nil
}

func openError(name string, err error) error {
	if IsPostgres(name) {
		return fmt.Errorf("open the Postgres database: %w", err) // without the URL: it may hold a password
	}
	return fmt.Errorf("open database %s: %w", name, err)
}

// IsPostgres tells whether Open takes name for a Postgres database.
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// authConns is how many connections there are for authentication.
const authConns = 2

func newStore(e engine, writer, reader, auth *sql.DB) *Store {
	auth.SetMaxOpenConns(authConns)
	auth.SetMaxIdleConns(authConns)
	prepare := func(db *sql.DB) runner {
		if e.driverPrepares {
			return db
		}
		return &preparedReads{DB: db, statements: map[string]*sql.Stmt{}}
	}
	s := &Store{
		engine: e, writer: writer, reader: reader, auth: auth, reads: prepare(reader), logins: prepare(auth),
		scans: semaphore.NewWeighted(max(1, int64(runtime.GOMAXPROCS(0)/2))), woken: make(chan struct{}, 1),
	}
	s.Bundles = newResource(s, bundles)
	s.EndUsers, s.Documents = newResource(s, endUsers), newResource(s, documents)
	s.Assignments, s.ChannelEndpoints = newResource(s, assignments), newResource(s, channelEndpoints)
	s.Evaluations = newResource(s, evaluations)
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
	return errors.Join(append(errs, s.auth.Close(), s.writer.Close())...)
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
