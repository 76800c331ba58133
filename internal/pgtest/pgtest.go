// Package pgtest gives tests a real Postgres. It is for tests only.
//
// [New] returns the URL of a fresh, empty database. It lies on the server that TRUSTHUB_TEST_POSTGRES names (a postgres://
// URL of a role that may create databases), or else on a private cluster that the first call in a test process starts with
// the programs of Debian's postgresql package or any other installation of Postgres 13 or later. [NewCluster] starts a
// cluster that one test has for itself and may kill.
//
// What it guarantees: a database belongs to one test and is dropped when the test ends. A cluster is durable as in
// production (fsync is on), listens on 127.0.0.1 alone, and is gone with its temporary folder when the test process is gone,
// also when that was killed or panicked. Clusters of several test processes do not meet. Where root runs the tests, the
// server runs as the user postgres, because Postgres refuses root.
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

// shared is the cluster on which all tests of this process have their databases. Nothing stops it: it ends with the process.
var shared = sync.OnceValues(startCluster)

// New returns the URL of an empty database, which is dropped when the test ends, whoever is still connected.
func New(tb testing.TB) string {
	tb.Helper()
	if server, ok := os.LookupEnv(serverVariable); ok && server != "" {
		return createDatabase(tb, server, func() bool { return true })
	}
	cluster, err := shared()
	if err != nil {
		refuse(tb, err)
	}
	return cluster.Database(tb)
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
func createDatabase(tb testing.TB, server string, up func() bool) string {
	tb.Helper()
	target, err := url.Parse(server)
	if err != nil || !strings.HasPrefix(target.Scheme, "postgres") {
		tb.Fatalf("%s is not a postgres:// URL", serverVariable) // the error would show the URL, which may hold a password
	}
	// The test's own name would be nicer to read, but Postgres cuts names at 63 bytes.
	name := "pgtest_" + strings.ToLower(rand.Text())
	// template0 is empty on every server and nobody can be connected to it, which would be an error. Postgres 15 and later
	// copy a template of this size through the log by themselves: three times as fast as its file_copy, which checkpoints.
	if err := execute(server, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
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
	target.Path = "/" + name
	return target.String()
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
