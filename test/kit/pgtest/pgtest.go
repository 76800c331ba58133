// Package pgtest gives tests a real Postgres. It is for tests only.
//
// Databases are on the server in TRUSTHUB_TEST_POSTGRES (a postgres:// URL of a role that may create databases). If that is not
// set, they are on a private cluster that the first call in a test process starts, with the programs of Debian's postgresql
// package or another installation of Postgres 13 or later. [NewCluster] starts a cluster for a single test, which may kill it.
//
// It guarantees that a database belongs to one test and is dropped when the test ends. NewDurable and NewCluster are durable,
// as in production; the shared cluster of all other tests is not, which makes it fast: fsync is off, and on Linux its files are
// in memory unless TMPDIR is set. A cluster listens on 127.0.0.1 only. It is removed with its temporary folder after the test
// process has ended, even if that was killed or panicked. Clusters of different test processes are independent. If root runs
// the tests, the server runs as the user postgres, because Postgres refuses to run as root.
//
// It installs nothing, keeps no data, and does not protect a cluster from other users of this machine, who may connect
// without a password while the tests run. On Windows it cannot run a cluster: set TRUSTHUB_TEST_POSTGRES. If the temporary
// folder neither belongs to the test's user nor is writable by postgres, an empty folder may remain.
//
// [ThroughBouncer] puts a PgBouncer in front of a database, and TRUSTHUB_TEST_PGBOUNCER=1 does so for those of New, NewDurable
// and Template, so that any test can be run through it.
//
// Without Postgres a test is skipped, with a message about what to install or set. With CI=true it fails instead.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverVariable names the environment variable with the URL of a server to use instead of a private cluster.
const serverVariable = "TRUSTHUB_TEST_POSTGRES"

// errMissing means that Postgres is not installed. Its text says what to do.
var errMissing = errors.New("no Postgres to test with: install Debian's postgresql package (initdb and postgres are looked for " +
	"in PATH and in /usr/lib/postgresql; root needs a user named postgres), or, for tests that do not kill the server, set " +
	serverVariable + " to the postgres:// URL of a role that may create databases")

// statementLimit bounds a connection with one statement. Creating a database takes a fraction of a second, but much longer on a
// busy machine.
const statementLimit = time.Minute

// The clusters on which all tests of this process have their databases. They end with the process.
var (
	shared        = sync.OnceValues(func() (*Cluster, error) { return startCluster("off") })
	sharedDurable = sync.OnceValues(func() (*Cluster, error) { return startCluster("on") })
)

// emptyTemplate is empty on every server and allows no connections, which would prevent copying it.
const emptyTemplate = "template0"

// New returns the URL of an empty database, which is dropped when the test ends, even if it still has connections.
func New(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, shared, emptyTemplate)
}

// NewDurable is like New, for tests of crashes and for benchmarks: commits are on disk, as in production. The server in
// TRUSTHUB_TEST_POSTGRES is used with its own settings.
func NewDurable(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, sharedDurable, emptyTemplate)
}

// Template returns a function like New whose databases have been prepared by prepare. On the private cluster prepare runs
// once and the databases are copies. prepare must close its connections.
func Template(prepare func(url string) error) func(tb testing.TB) string {
	template := databaseName()
	made := sync.OnceValue(func() error {
		cluster, err := shared()
		if err != nil {
			return err
		}
		at, err := create(cluster.URL(), template, emptyTemplate)
		if err != nil {
			return err
		}
		return prepare(at)
	})
	return func(tb testing.TB) string {
		tb.Helper()
		if _, given := givenServer(); given { // on which a template would never be dropped
			at := New(tb)
			if err := prepare(at); err != nil {
				tb.Fatal(err)
			}
			return at
		}
		if err := made(); err != nil {
			refuse(tb, err)
		}
		return newDatabase(tb, shared, template)
	}
}

// givenServer returns the URL in TRUSTHUB_TEST_POSTGRES, and reports whether it is set.
func givenServer() (server string, ok bool) {
	server, _ = os.LookupEnv(serverVariable)
	return server, server != ""
}

// refuse ends a test that got no server: it skips the test if Postgres, or PgBouncer, is not installed, and fails it otherwise.
func refuse(tb testing.TB, err error) {
	tb.Helper()
	missing := errors.Is(err, errMissing) || errors.Is(err, errNoBouncer)
	ci, _ := os.LookupEnv("CI")
	switch {
	case missing && ci == "true":
		tb.Fatalf("%v (in CI a skip is a failure)", err)
	case missing:
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
}

// newDatabase creates a database that is dropped when the test ends.
func newDatabase(tb testing.TB, cluster func() (*Cluster, error), template string) string {
	tb.Helper()
	server, given := givenServer()
	if !given {
		c, err := cluster()
		if err != nil {
			refuse(tb, err)
		}
		server = c.URL()
	}
	name := databaseName()
	at, err := create(server, name, template)
	if err != nil {
		tb.Fatalf("create a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop the database: %v", err)
		}
	})
	if bouncer, _ := os.LookupEnv(bouncerVariable); bouncer != "" {
		return withoutPreparing(tb, ThroughBouncer(tb, at))
	}
	return at
}

// withoutPreparing makes pgx prepare no statements, which a test's own connections may not do in front of PgBouncer.
func withoutPreparing(tb testing.TB, at string) string {
	tb.Helper()
	u, err := url.Parse(at)
	if err != nil {
		tb.Fatal(err)
	}
	query := u.Query()
	query.Set("default_query_exec_mode", "exec")
	u.RawQuery = query.Encode()
	return u.String()
}

// databaseName returns a new name. It is not the test's name because Postgres truncates names to 63 bytes.
func databaseName() string { return "pgtest_" + strings.ToLower(rand.Text()) }

// create creates a database and returns its URL. Postgres 15 and later copy a template of this size through the log by
// default, three times as fast as with file_copy, which checkpoints.
func create(server, name, template string) (string, error) {
	target, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(target.Scheme, "postgres") {
		// Without err, which would quote the URL, which may have a password.
		return "", errors.New(serverVariable + " is not a postgres:// URL")
	}
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", err
	}
	target.Path = "/" + name
	return target.String(), nil
}

// execute runs a statement on a new connection. It takes no context, because a test's context has ended when it cleans up.
func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
