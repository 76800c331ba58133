package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/pgtest"
)

const (
	accountSID = "AC0123456789abcdef0123456789abcdef"
	authToken  = "0123456789abcdefghijklmnopqrstuv"

	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// program is the path of the built binary. TestMain sets it, once, before the first test.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder spoils no test

	program = filepath.Join(dir, "trusthub")
	build := exec.Command("go", "build", "-o", program, "./cmd/trusthub")
	build.Dir = "../.." // the main module, whose dependencies are not this one's
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		return 1
	}
	return m.Run()
}

// onEachEngine runs a test on SQLite and on Postgres, each time against a server of its own that keeps an empty database.
func onEachEngine(t *testing.T, test func(t *testing.T, server *url.URL), flags ...string) {
	t.Helper()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "trusthub.db") },
		"postgres": pgtest.New,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startServer(t, database(t), flags...))
		})
	}
}

// startServer runs `trusthub serve` with a database and more flags until the test ends, and returns the URL that it printed. The test
// fails if the server then does not exit with status 0 in time.
func startServer(t *testing.T, database string, flags ...string) *url.URL {
	t.Helper()
	// t.Context ends just before the cleanups run; Cancel and WaitDelay make that end a SIGTERM with a time limit.
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--db", database}, flags...)
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = []string{"TWILIO_ACCOUNT_SID=" + accountSID, "TWILIO_AUTH_TOKEN=" + authToken} // nothing of the developer's
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Wait answers the context's error even for a clean exit; the state tells, and -1 means that it had to be killed.
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the server did not stop cleanly within %v of SIGTERM: %v, %v", stopTimeout, cmd.ProcessState, err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})

	address := make(chan string, 1)
	go func() {
		defer close(address)
		for lines := bufio.NewScanner(stdout); lines.Scan(); { // to the end, so that the server never waits for a reader
			if found, ok := strings.CutPrefix(lines.Text(), "Listening on "); ok {
				address <- found
			}
		}
	}()
	select {
	case found, ok := <-address:
		base, err := url.Parse(found)
		if !ok || err != nil || base.Scheme != "http" || base.Hostname() != "127.0.0.1" {
			t.Fatalf("the server says that it listens on %q", found)
		}
		return base
	case <-time.After(startTimeout):
		t.Fatalf("the server did not say within %v where it listens", startTimeout)
	}
	return nil
}
