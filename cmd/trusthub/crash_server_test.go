package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

const (
	crashAccount = "ACc0000000000000000000000000000001"
	crashToken   = "crashtoken"
	crashPolicy  = "RN7a97559effdf62d00f4298208492a5ea"
	crashLease   = 10 * time.Second      // long for a delivery on a busy machine, and what a test waits after a kill
	crashWait    = 2 * time.Minute       // for what is sure to come, leases that have to end included
	crashLook    = 10 * time.Millisecond // between two looks at what has no other way to tell
)

// crashRounds is how often a test kills: TRUSTHUB_CRASH_ROUNDS if that is set, which makes a campaign of the test.
func crashRounds(t *testing.T, otherwise int) (rounds int, campaign bool) {
	t.Helper()
	s, set := os.LookupEnv("TRUSTHUB_CRASH_ROUNDS")
	if !set {
		return otherwise, false
	}
	rounds, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TRUSTHUB_CRASH_ROUNDS: %v", err)
	}
	return rounds, true
}

// onEachEngine runs a test once for each engine, beside others, with the name of a database that is empty.
func onEachEngine(t *testing.T, test func(t *testing.T, db string)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "crash.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.NewDurable(t))
	})
}

// crashServer is a running `trusthub serve`: this very binary (TestMain), with the race detector if that is on. It is off in `make
// crash`, where the kill meets the server at the speed that it has in earnest.
type crashServer struct {
	name   string // unique; Postgres knows the server's connections by it
	db     string
	cmd    *exec.Cmd
	stdout *bufio.Scanner
	log    *bytes.Buffer // complete when the server is gone
	url    string
}

var crashServers atomic.Int64 // started so far

// launchCrashServer starts a server on the database and does not wait until it listens.
func launchCrashServer(t *testing.T, db string, flags ...string) *crashServer {
	t.Helper()
	s := &crashServer{name: fmt.Sprintf("server-%d", crashServers.Add(1)), db: db, log: new(bytes.Buffer)}
	if store.IsPostgres(db) {
		at, err := url.Parse(db)
		if err != nil {
			t.Fatal(err)
		}
		query := at.Query()
		query.Set("application_name", s.name)
		at.RawQuery = query.Encode()
		db = at.String()
	}
	s.cmd = exec.CommandContext(t.Context(), "trusthub", append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
	s.cmd.Env = []string{
		"TRUSTHUB_DB=" + db, "TWILIO_ACCOUNT_SID=" + crashAccount, "TWILIO_AUTH_TOKEN=" + crashToken,
		noRace + " halt_on_error=1", // so that a race fails the test, whatever ends the server later
	}
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewScanner(stdout)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.kill() }) // where the test has not
	return s
}

// listens waits until the server listens.
func (s *crashServer) listens(t *testing.T) {
	t.Helper()
	for s.stdout.Scan() {
		if at, ok := strings.CutPrefix(s.stdout.Text(), "Listening on "); ok {
			s.url = at
			return
		}
	}
	err := s.cmd.Wait()
	t.Fatalf("the server does not listen: %v\n%s", err, s.log)
}

// startCrashServer starts a server on the database and waits until it listens.
func startCrashServer(t *testing.T, db string, flags ...string) *crashServer {
	t.Helper()
	s := launchCrashServer(t, db, flags...)
	s.listens(t)
	return s
}

// api returns a client of the server that tries once: the tests count what got no answer.
func (s *crashServer) api(t *testing.T) *client.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: crashWriters}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := client.New(client.WithBaseURL(s.url), client.WithCredentials(crashAccount, crashToken),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 1}),
		client.WithHTTPClient(&http.Client{Transport: transport, Timeout: 30 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// kill ends the server with SIGKILL, of which it learns nothing, and waits until it is gone.
func (s *crashServer) kill() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = s.cmd.Wait() // always an error: it was killed
	return nil
}

// end kills a server that may have been killed already, and returns when nothing that it has begun goes on: Postgres may
// still be at a commit that the server asked for.
func (s *crashServer) end(t *testing.T) {
	t.Helper()
	if err := s.kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	if !store.IsPostgres(s.db) {
		return
	}
	useCrashDatabase(t, s.db, func(db *sql.DB) {
		crashAwait(t, "end of the connections of "+s.name, func() bool {
			return queryCount(t, db, `SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1`, s.name) == 0
		})
	})
}

// terminate has the server end by itself, upon which it records what it has delivered.
func (s *crashServer) terminate(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("%s cannot be stopped: %v", s.name, err)
		return
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v\n%s", err, s.log)
	}
}

// crashAwait looks again and again until what is awaited is there.
func crashAwait(t *testing.T, what string, there func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), crashWait)
	defer cancel()
	ticker := time.NewTicker(crashLook)
	defer ticker.Stop()
	for !there() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("no %s within %v", what, crashWait)
		}
	}
}

// useCrashDatabase opens the database itself, beside the servers.
//
// On SQLite that must not last until a server is killed. Were the file open then, the next server would find the log's index
// in shared memory as a living process keeps it, and would not have to recover it.
func useCrashDatabase(t *testing.T, name string, use func(*sql.DB)) {
	t.Helper()
	driver := "sqlite"
	if store.IsPostgres(name) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	use(db)
}

// queryCount returns the number that a query yields.
func queryCount(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
