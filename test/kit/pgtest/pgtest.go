// Package pgtest gives tests a real Postgres. It is for tests only.
//
// Databases are on the server that TRUSTHUB_TEST_POSTGRES names (a postgres:// URL of a role that may create databases), or else
// on a private cluster that the first call in a test process starts, with the programs of Debian's postgresql package or any
// other installation of Postgres 13 or later. [NewCluster] starts a cluster that one test has for itself and may kill.
//
// What it guarantees: a database belongs to one test and is dropped when the test ends. NewDurable and NewCluster are durable as
// in production; the shared cluster of all other tests is not (fsync is off), which makes it fast. A cluster listens on
// 127.0.0.1 alone, and is removed with its temporary folder when the test process has ended, also when that was killed or
// panicked. Clusters of several test processes do not meet. Where root runs the tests, the server runs as the user postgres,
// because Postgres refuses root.
//
// What it does not do: it installs nothing, it keeps no data, and it does not guard a cluster against other users of this
// machine, who may connect without a password while the tests run. It runs no cluster on Windows, where a server must be
// named. Where the temporary folder is neither the test user's nor writable by postgres, an empty folder may stay behind.
//
// Without any Postgres a test is skipped, and says what to install or set. With CI=true it fails instead.
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

// errMissing means that this machine has no Postgres that a test could run. It says what to do about it.
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

// emptyTemplate is empty on every server. Nobody can be connected to it, which would be an error.
const emptyTemplate = "template0"

// New returns the URL of an empty database, which is dropped when the test ends, whoever is still connected.
func New(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, shared, emptyTemplate)
}

// NewDurable is New for a test of what a crash leaves, and for a benchmark: commits are on disk, as they are in production. The
// server that TRUSTHUB_TEST_POSTGRES names is taken as it is.
func NewDurable(tb testing.TB) string {
	tb.Helper()
	return newDatabase(tb, sharedDurable, emptyTemplate)
}

// Template returns a function like New, whose databases are as prepare leaves one. On the private cluster prepare runs once, and
// the databases are copies. Nothing may be connected any more when it returns.
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
		if _, given := givenServer(); given { // on which a template would stay for ever
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

// givenServer returns the URL of the server that is named in place of a private cluster.
func givenServer() (server string, ok bool) {
	server, _ = os.LookupEnv(serverVariable)
	return server, server != ""
}

// refuse ends a test for which there is no server: it is skipped where there is no Postgres, and fails in all other cases.
func refuse(tb testing.TB, err error) {
	tb.Helper()
	missing := errors.Is(err, errMissing)
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

// newDatabase creates a database and has it dropped when the test ends.
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
	return at
}

// databaseName returns a new name. The test's own would be nicer to read, but Postgres cuts names at 63 bytes.
func databaseName() string { return "pgtest_" + strings.ToLower(rand.Text()) }

// create creates a database and returns its URL. Postgres 15 and later copy a template of this size through the log by
// default, three times as fast as with file_copy, which checkpoints.
func create(server, name, template string) (string, error) {
	target, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(target.Scheme, "postgres") {
		// Without err, which would show the URL: it may hold a password.
		return "", errors.New(serverVariable + " is not a postgres:// URL")
	}
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", err
	}
	target.Path = "/" + name
	return target.String(), nil
}

// execute runs a statement on a connection of its own. It takes no context, because a test's is over when it cleans up.
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
