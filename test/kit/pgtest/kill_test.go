package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

func TestKillKeepsCommittedRows(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	at := cluster.Database(t)
	if fsync := query[string](t, connect(t, at), "SHOW fsync"); fsync != "on" {
		t.Errorf("fsync is %s", fsync)
	}
	execute(t, connect(t, at), "CREATE TABLE marks (n BIGINT)")
	const rounds = 3
	for n := range rounds {
		conn := connect(t, at)
		execute(t, conn, "INSERT INTO marks VALUES ($1)", n)
		if err := cluster.Kill(); err != nil {
			t.Fatal(err)
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
}

// A backend that computes does not look whether its postmaster lives: it must have been killed itself.
func TestKillReachesBusyBackends(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	busy, watch := connect(t, cluster.URL()), connect(t, cluster.URL())
	failed := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 1000000000000) n WHERE n < 0")
		failed <- err
	}()
	await(t, "the query to run", func() bool {
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

func TestKillAndStartOutOfTurn(t *testing.T) {
	t.Parallel()
	cluster := pgtest.NewCluster(t)
	if err := cluster.Start(); err == nil {
		t.Error("a second start is not refused")
	}
	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Kill(); err == nil {
		t.Error("a second kill is not refused")
	}
	// The cluster ends here without a server: its end must not mind.
}

// childVariable makes this test binary a test process to be killed: its value says which of the two starts is wanted.
const childVariable = "PGTEST_CHILD"

// TestChild is not a test of its own: it is what the tests below start and kill. In their process it does nothing, and does
// not call that a skip, which would be a failure in CI.
func TestChild(t *testing.T) {
	var at string
	var waits bool
	switch os.Getenv(childVariable) { //nolint:forbidigo // a test has no command line of its own
	case "":
		return
	case "shared":
		at, waits = pgtest.New(t), true
	case "killed":
		cluster := pgtest.NewCluster(t)
		at = cluster.URL()
		defer func() {
			if err := cluster.Kill(); err != nil {
				t.Error(err)
			}
			fmt.Println("killed")
			select {}
		}()
	}
	conn := connect(t, at)
	fmt.Println(at, query[string](t, conn, "SHOW data_directory"))
	if waits {
		execute(t, conn, "SELECT pg_sleep(3600)") // a backend at work when the process is killed
	}
}

func TestNothingOutlivesTheTestProcess(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // skips where there is no Postgres
	for _, kind := range []string{"shared", "killed"} {
		t.Run(kind, func(t *testing.T) {
			child, folder := startChild(t, kind)
			out := bufio.NewScanner(child.out)
			if !out.Scan() {
				t.Fatal("the child says nothing")
			}
			at, data, _ := strings.Cut(out.Text(), " ")
			segment := segmentOf(t, data)
			if kind == "killed" && (!out.Scan() || out.Text() != "killed") {
				t.Fatalf("the child says %q", out.Text())
			}
			child.kill(t)
			awaitGone(t, at, folder)
			await(t, "the shared memory to be freed", func() bool { return !segmentExists(t, segment) })
		})
	}
}

// The moments at which a process may be killed while its cluster starts.
func TestNothingOutlivesTheStart(t *testing.T) {
	t.Parallel()
	pgtest.New(t) // skips where there is no Postgres
	for name, moment := range map[string]string{
		"initdb": "pgtest-*/data", "server begins": "pgtest-*/stderr", "server has its lock": "pgtest-*/data/postmaster.pid",
	} {
		t.Run(name, func(t *testing.T) {
			child, folder := startChild(t, "shared")
			await(t, moment, func() bool {
				found, err := filepath.Glob(filepath.Join(folder, moment))
				return err == nil && len(found) > 0
			})
			child.kill(t)
			awaitGone(t, "", folder)
		})
	}
}

type child struct {
	cmd *exec.Cmd
	out *os.File
}

// startChild runs TestChild in a process of its own. It returns the folder for temporary files that the child was given.
func startChild(t *testing.T, kind string) (child, string) {
	t.Helper()
	folder := t.TempDir()
	// As /tmp is: another user can reach it, and can remove what belongs to it.
	if err := errors.Join(os.Chmod(filepath.Dir(folder), 0o755), os.Chmod(folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+kind, "TMPDIR="+folder, "TRUSTHUB_TEST_POSTGRES=")
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	if err := errors.Join(cmd.Start(), in.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // gone already, if the test went well
		_, _ = cmd.Process.Wait()
		_ = out.Close()
	})
	return child{cmd: cmd, out: out}, folder
}

// kill ends the process with SIGKILL, as kill -9 does.
func (c child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
}

// awaitGone waits until nobody listens where the cluster was and the child's temporary files are gone. The supervisor removes
// these only after the last process of the server has ended.
func awaitGone(t *testing.T, at, folder string) {
	t.Helper()
	await(t, "an empty folder", func() bool {
		left, err := os.ReadDir(folder)
		return err == nil && len(left) == 0
	})
	if at == "" {
		return
	}
	target, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", target.Host); err == nil {
		t.Error("somebody still listens on the cluster's port")
		_ = conn.Close()
	}
}

// segmentOf returns the id of the System V shared memory that a server has locked its data with.
func segmentOf(t *testing.T, data string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	const line = 6
	fields := strings.Fields(strings.Split(string(text), "\n")[line])
	return fields[len(fields)-1]
}

func segmentExists(t *testing.T, id string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sysvipc/shm")
	if errors.Is(err, fs.ErrNotExist) {
		return false // not Linux
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == id {
			return true
		}
	}
	return false
}

// await looks again and again, for half a minute at most.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-ticker.C:
		}
	}
}
