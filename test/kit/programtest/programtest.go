// Package programtest builds the program and runs it in its own process, for the tests and the bench that use it from outside.
//
// It guarantees that a process ends with its test, and that a server that does not stop cleanly fails its test. It uses only
// the program's command line and output.
package programtest

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// The account of every server that Serve starts.
const (
	AccountSID = "AC0123456789abcdef0123456789abcdef"
	AuthToken  = "0123456789abcdefghijklmnopqrstuv"
)

const module = "github.com/opentrusthub/trusthub"

// Main builds the program, sets its path, runs the tests, and returns the status to exit with.
func Main(m *testing.M, program *string, flags ...string) int {
	dir, err := os.MkdirTemp("", "trusthub-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder is harmless

	*program = filepath.Join(dir, "trusthub")
	if err := Build(context.Background(), *program, flags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build builds the program, with flags of `go build`. It builds in the main module, because a test in another module has other
// dependencies.
func Build(ctx context.Context, program string, flags ...string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("find the main module: %w", err)
	}
	args := slices.Concat([]string{"build", "-o", program}, flags, []string{"./cmd/trusthub"})
	build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // G204: constant arguments
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// RaceFlags returns the flags of `go build` that enable the race detector if this test uses it. They are the Makefile's RACE.
func RaceFlags() []string {
	info, _ := debug.ReadBuildInfo()
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return nil
	}
	return []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-gcflags=modernc.org/libc=-race=false"}
}

// Serve runs `trusthub serve` with a database and more flags until the test ends, and returns its URL. Its account is
// AccountSID with AuthToken. The test fails if the server does not then exit with status 0 in time.
func Serve(tb testing.TB, program, database string, flags ...string) *url.URL {
	tb.Helper()
	server := Start(tb, Command{
		Path: program,
		Args: append([]string{"serve", "--listen", "127.0.0.1:0", "--db", database}, flags...),
		Env:  []string{"TWILIO_ACCOUNT_SID=" + AccountSID, "TWILIO_AUTH_TOKEN=" + AuthToken},
	})
	tb.Cleanup(func() {
		if err := server.Stop(); err != nil {
			tb.Errorf("the server did not stop cleanly: %v", err)
		}
		if tb.Failed() {
			tb.Logf("the server's log:\n%s", server.Stderr())
		}
	})
	base, err := server.URL()
	if err != nil {
		tb.Fatal(err)
	}
	return base
}

// DependOnSources opens every folder of the module below root. The go tool reuses a test's cached result unless a file that the
// test has opened has changed, and it does not know that the program is built from these sources.
func DependOnSources(tb testing.TB, root string) {
	tb.Helper()
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "bin" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Eventually polls a condition for which there is no notification, and fails the test if it is not true within the limit.
func Eventually(tb testing.TB, limit time.Duration, what string, done func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			tb.Fatalf("no %s within %v", what, limit)
		}
	}
}
