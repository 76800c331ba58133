package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const endLimit = 30 * time.Second // for what a killed process started to end

func TestKillKeepsCommittedRows(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	at := cluster.URL()
	execute(t, connect(t, at), "CREATE TABLE marks (n BIGINT)")
	const rounds = 3
	for n := range rounds {
		conn := connect(t, at)
		execute(t, conn, "INSERT INTO marks VALUES ($1)", n)
		if err := cluster.Start(); err == nil {
			t.Error("a start of a running server is not refused")
		}
		if err := cluster.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Kill(); err == nil {
			t.Error("a second kill is not refused")
		}
		if err := conn.Ping(t.Context()); err == nil {
			t.Fatal("a connection outlived the server")
		}
		if _, err := pgx.Connect(t.Context(), at); err == nil {
			t.Fatal("a killed server accepts connections")
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if got := query[int](t, connect(t, at), "SELECT count(*) FROM marks"); got != rounds {
		t.Errorf("%d rows of %d are left", got, rounds)
	}
	if err := cluster.Kill(); err != nil { // the cluster ends without a server
		t.Fatal(err)
	}
}

// TestKillReachesBusyBackends: a busy backend does not notice that its postmaster is dead, so it must be killed itself.
func TestKillReachesBusyBackends(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	busy, watch := connect(t, cluster.URL()), connect(t, cluster.URL())
	failed := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 1000000000000) n WHERE n < 0")
		failed <- err
	}()
	programtest.Eventually(t, endLimit, "running query", func() bool {
		return query[int](t, watch, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series%' "+
			"AND pid <> pg_backend_pid()") == 1
	})
	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the query outlived the server")
	}
}

// childVariable makes this test binary the process that TestNothingOutlivesTheTestProcess kills. Its value is the kind of
// cluster.
const childVariable = "PGTEST_CHILD"

// TestChild is the process that the test below starts and kills. Otherwise it does nothing. It does not call Skip, which is a
// failure in CI.
func TestChild(t *testing.T) {
	switch kind, _ := os.LookupEnv(childVariable); kind {
	case "shared":
		conn := connect(t, pgtest.New(t))
		fmt.Println("the server runs")
		execute(t, conn, "SELECT pg_sleep(3600)") // a backend at work when the process is killed
	case "killed":
		if err := pgtest.NewCluster(t).Kill(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("the server is killed")
		<-time.After(time.Hour)
	}
}

// TestNothingOutlivesTheTestProcess kills a test process at several moments. No process, file or shared memory may remain.
func TestNothingOutlivesTheTestProcess(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // skips without Postgres
	for _, test := range []struct{ name, kind, file, line string }{
		{name: "initdb", kind: "shared", file: "data"},
		{name: "the server begins", kind: "shared", file: "stderr"},
		{name: "the server has its lock", kind: "shared", file: "data/postmaster.pid"},
		{name: "the server runs", kind: "shared", line: "the server runs"},
		{name: "the server is killed", kind: "killed", line: "the server is killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			child, folder := startChild(t, test.kind)
			if test.line != "" {
				if _, err := child.Await(regexp.MustCompile(test.line), 1); err != nil {
					t.Fatal(err)
				}
			} else {
				programtest.Eventually(t, endLimit, test.file, func() bool { return len(glob(t, folder, "pgtest-*", test.file)) > 0 })
			}
			port, segment := "", ""
			if test.line != "" {
				port, segment = lockOf(t, folder)
			}
			if err := child.Kill(); err != nil {
				t.Fatal(err)
			}
			programtest.Eventually(t, endLimit, "empty folder", func() bool { return len(glob(t, folder, "*")) == 0 })
			if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil && port != "" {
				t.Error("the cluster's port is still in use")
				_ = conn.Close()
			}
			if segment != "" && segmentExists(t, segment) {
				t.Error("the shared memory still exists")
			}
		})
	}
}

// startChild runs TestChild in another process. It returns the child's folder for temporary files.
func startChild(t *testing.T, kind string) (*programtest.Process, string) {
	t.Helper()
	folder := t.TempDir()
	// Like /tmp: all users can access it, and remove their own files.
	if err := errors.Join(os.Chmod(filepath.Dir(folder), 0o755), os.Chmod(folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	return programtest.Start(t, programtest.Command{
		Path: os.Args[0], Args: []string{"-test.run=^TestChild$"},
		Env: append(os.Environ(), childVariable+"="+kind, "TMPDIR="+folder, "TRUSTHUB_TEST_POSTGRES="),
	}), folder
}

func glob(t *testing.T, path ...string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lockOf returns a server's port and the id of the System V shared memory with which it locks its data.
func lockOf(t *testing.T, folder string) (port, segment string) {
	t.Helper()
	text, err := os.ReadFile(glob(t, folder, "pgtest-*", "data", "postmaster.pid")[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	return lines[3], strings.Fields(lines[6])[1]
}

func segmentExists(t *testing.T, id string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if errors.Is(err, os.ErrNotExist) {
		return false // not Linux
	}
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^ *\d+ +` + id + ` `).Match(text)
}
