// Package store keeps accounts, bundles, what is assigned to them, their evaluations and notices in a database.
//
// It guarantees that a write that returned without error survives kill -9 and power loss, that a write is atomic, and that
// changes to one bundle, and to what is assigned to it, do not overlap. It does not know what a change means: the caller passes
// a function that runs inside the transaction.
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

	"github.com/opentrusthub/trusthub/internal/secrets"
	"github.com/opentrusthub/trusthub/internal/trust"
)

var (
	// ErrNotFound means that there is no such row, or that it belongs to another account.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable wraps temporary errors of the database; a retry may succeed.
	ErrUnavailable = errors.New("the database is unavailable")
	// ErrUncertain comes with ErrUnavailable if the connection was lost during a commit: the write may have been made.
	ErrUncertain = errors.New("the outcome of the write is unknown")
)

// Options say how a database is opened. Zero values are replaced by the defaults.
type Options struct {
	Access Access // what Open may do to a new or an older database
	// Keys encrypt auth tokens in the database; nil: they are not encrypted. Once they are, Open returns ErrKeysMissing without
	// keys and ErrWrongKeys with others. Only an Open that may change the database turns encryption on.
	Keys *secrets.Keyring
	// KeysOptional opens a database with encrypted auth tokens without keys, too. They can be neither read nor set then.
	KeysOptional bool

	// For Postgres only, with their defaults.
	MaxConns         int           // open connections, besides authConns; 16
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
	auth    *sql.DB             // for Credential only, so that authentication works while the others are busy
	reads   runner              // on reader, outside transactions
	logins  runner              // on auth
	scans   *semaphore.Weighted // limits lists with unindexed filters
	batches *batcher            // of writes, on SQLite; nil on Postgres, where writes are concurrent
	woken   chan struct{}
	version atomic.Int64 // of the credentials; incremented by each change of this process
	pageKey atomic.Pointer[string]

	keys      *secrets.Keyring // nil: none
	encrypted atomic.Bool      // whether auth tokens are to be encrypted

	file    *file // on SQLite; nil on Postgres
	found   int64 // the version of the schema before Open
	writes  lastWrite
	changes changes
}

// Open opens a database: Postgres if name is a postgres:// URL, otherwise the SQLite file of that name, which only its owner can
// read because it has auth tokens and customers' data. o.Access says what may be created or migrated. A database that does not
// fit is refused and left as it is: ErrForeign, ErrEmpty, ErrOlder, ErrNewer. One whose auth tokens o.Keys cannot decrypt is
// refused after it was migrated: ErrKeysMissing, ErrWrongKeys.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s, err := open(ctx, name, o.withDefaults())
	if err != nil {
		return nil, err
	}
	err = s.checkSchema(ctx)
	if err == nil && o.Access == Migrate {
		_, err = s.exec(ctx, addPrimaries)
	}
	if err == nil {
		err = s.unlock(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(openError(name, err), s.Close())
	}
	return s, nil
}

// notAFile matches names that are not meant as a file: URLs, even without slashes, and connection strings.
var notAFile = regexp.MustCompile(`(?i)://|password\s*=|^\s*[a-z][a-z0-9+.-]+:.*@|^\s*(host|port|user|dbname|service)\s*=`)

// checkName returns an error for a name that is neither a Postgres URL nor a file name. The error does not quote the name, which
// may hold a password. It also rejects a URL with an unescaped / or ? in the password, which net/url would take for the path.
func checkName(name string) error {
	if !IsPostgres(name) {
		if notAFile.MatchString(name) {
			return errors.New("the database must be the name of a file, or a URL that begins with postgres://")
		}
		return nil
	}
	u, err := url.Parse(name)
	if err != nil || (u.User == nil && strings.Contains(name, "@")) {
		return errors.New("the database URL is invalid; special characters in user and password must be percent-encoded")
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

// IsPostgres reports whether name is a Postgres URL.
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// authConns is the number of connections for authentication.
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

// Close waits for running queries and closes the database. Writes that are still waiting are not run.
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

// Woken receives a value after a commit of this process that may have made something due. It is for one receiver. Commits of
// other processes must be polled for.
func (s *Store) Woken() <-chan struct{} { return s.woken }

func (s *Store) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // already woken
	}
}

// read returns a session for reading outside a transaction.
func (s *Store) read(ctx context.Context) session { return session{ctx, s.reads} }

// readOne is read for a single row that an index finds. SQLite cannot be interrupted then: that takes microseconds, and to be
// ready for an interruption the driver and package sql start a goroutine each, which costs a quarter of it.
func (s *Store) readOne(ctx context.Context) (session, error) {
	if s.batches == nil {
		return s.read(ctx), nil
	}
	return s.read(context.WithoutCancel(ctx)), ctx.Err()
}

// write runs fn in a transaction and commits it durably. fn may run more than once if an earlier run was rolled back. If a caller
// of the API can cause fn to fail, it must fail before it changes anything: on SQLite a later failure has other writes run again.
func (s *Store) write(ctx context.Context, fn func(session) error) error {
	if s.batches != nil {
		return s.classify(s.batches.do(ctx, false, fn))
	}
	return s.classify(s.transact(ctx, fn))
}

// writeOne is write for an fn that runs one statement, which is atomic anyway. It is cheaper.
func (s *Store) writeOne(ctx context.Context, fn func(session) error) error {
	if s.batches != nil {
		return s.classify(s.batches.do(ctx, true, fn))
	}
	// The statement is its own commit.
	return s.classify(s.repeat(func() error { return uncertain(fn(session{ctx, s.writer})) }))
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
