// Package pgtest gives tests a real Postgres. It is for tests only.
//
// [New] returns the URL of a fresh, empty database. It lies on the server that TRUSTHUB_TEST_POSTGRES names (a postgres://
// URL of a role that may create databases), or else on a private cluster that the first call in a test process starts with
// the programs of Debian's postgresql package or any other installation of Postgres 13 or later. [Template] returns databases
// that are prepared once and copied. [NewDurable] returns a database for tests of crashes and for benchmarks. [NewCluster]
// starts a cluster that one test has for itself and may kill.
//
// What it guarantees: a database belongs to one test and is dropped when the test ends. NewDurable and NewCluster are durable as
// in production; the shared cluster of all other tests is not (fsync is off), which makes it fast. A cluster listens on
// 127.0.0.1 alone, and is gone with its temporary folder when the test process is gone, also when that was killed or panicked.
// Clusters of several test processes do not meet. Where root runs the tests, the server runs as the user postgres, because
// Postgres refuses root.
//
// What it does not do: it installs nothing, it keeps no data, and it does not guard a cluster against other users of this
// machine, who may connect without a password while the tests run. It runs no cluster on Windows, where a server must be
// named. Where the temporary folder is neither the test user's nor writable by postgres, an empty folder may stay behind.
//
// Without any Postgres a test is skipped, and says what to install or set; with CI=true it fails, since in CI a skip is a
// failure.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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

// statementLimit bounds a connection with one statement. Creating a database takes a fraction of a second; a laden machine
// may take much longer.
const statementLimit = time.Minute

// The clusters on which all tests of this process have their databases. Nothing stops them: they end with the process.
var (
	shared        = sync.OnceValues(func() (*Cluster, error) { return startCluster(fast) })
	sharedDurable = sync.OnceValues(func() (*Cluster, error) { return startCluster(durable) })
)

// emptyTemplate is empty on every server, and nobody can be connected to it, which would be an error.
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

// Template returns a function like New, whose databases are as prepare leaves one. On the private cluster prepare runs once; the
// databases are copies. Nothing may be connected any more when it returns.
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

func newDatabase(tb testing.TB, cluster func() (*Cluster, error), template string) string {
	tb.Helper()
	if server, given := givenServer(); given {
		return createDatabase(tb, server, template, func() bool { return true })
	}
	c, err := cluster()
	if err != nil {
		refuse(tb, err)
	}
	return createDatabase(tb, c.URL(), template, c.up)
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

// createDatabase makes a database on a server and has it dropped when the test ends, if the server is up by then.
func createDatabase(tb testing.TB, server, template string, up func() bool) string {
	tb.Helper()
	name := databaseName()
	at, err := create(server, name, template)
	if err != nil {
		tb.Fatalf("create a database: %v", err)
	}
	tb.Cleanup(func() {
		if !up() {
			return
		}
		if err := execute(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("drop the database: %v", err)
		}
	})
	return at
}

// databaseName returns a new name. The test's own would be nicer to read, but Postgres cuts names at 63 bytes.
func databaseName() string { return "pgtest_" + strings.ToLower(rand.Text()) }

// create makes a database and returns its URL. Postgres 15 and later copy a template of this size through the log by
// themselves: three times as fast as its file_copy, which checkpoints.
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

// queryText returns the single text that a query yields.
func queryText(ctx context.Context, server, query string) (text string, err error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if err := conn.QueryRow(ctx, query).Scan(&text); err != nil {
		return "", fmt.Errorf("%s: %w", query, err)
	}
	return text, nil
}
