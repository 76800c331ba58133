// Package programtest builds the program and runs it in the tests of the modules that judge it from outside.
//
// It guarantees that a server is gone when its test is, and that one which does not stop cleanly fails the test. It knows nothing
// of the program but its command line and what it prints.
package programtest

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
)

// The account of every server that is started here.
const (
	AccountSID = "AC0123456789abcdef0123456789abcdef"
	AuthToken  = "0123456789abcdefghijklmnopqrstuv"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
)

// Main builds the program, sets its path, runs the tests, and returns the status to exit with. The program is built in the
// main module, because a test in a module of its own has other dependencies.
func Main(m *testing.M, program *string) int {
	dir, err := os.MkdirTemp("", "trusthub-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder spoils no test

	*program = filepath.Join(dir, "trusthub")
	//nolint:noctx // TestMain has no context
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opentrusthub/trusthub").Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "find the main module:", err)
		return 1
	}
	//nolint:gosec,noctx // G204: our own words; TestMain has no context
	build := exec.Command("go", "build", "-o", *program, "./cmd/trusthub")
	build.Dir = strings.TrimSpace(string(root))
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		return 1
	}
	return m.Run()
}

// Start runs `trusthub serve` with a database and more flags until the test ends, and returns the URL that it printed. Its
// account is AccountSID with AuthToken. The test fails if the server does not then exit with status 0 in time.
func Start(tb testing.TB, program, database string, flags ...string) *url.URL {
	tb.Helper()
	// tb.Context ends just before the cleanups run; Cancel and WaitDelay make that end a SIGTERM with a time limit.
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--db", database}, flags...)
	cmd := exec.CommandContext(tb.Context(), program, args...) //nolint:gosec // G204: what Main has built
	// Nothing of the developer's.
	cmd.Env = []string{"TWILIO_ACCOUNT_SID=" + AccountSID, "TWILIO_AUTH_TOKEN=" + AuthToken}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		// Wait answers the context's error even for a clean exit; the state tells, and -1 means that it had to be killed.
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			tb.Errorf("the server did not stop cleanly within %v of SIGTERM: %v, %v", stopTimeout, cmd.ProcessState, err)
		}
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", &log)
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
			tb.Fatalf("the server says that it listens on %q", found)
		}
		return base
	case <-time.After(startTimeout):
		tb.Fatalf("the server did not say within %v where it listens", startTimeout)
	}
	return nil
}
