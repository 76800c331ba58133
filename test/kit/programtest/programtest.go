// Package programtest builds the program and runs it as a process of its own, for the tests and the bench that judge it from
// outside.
//
// It guarantees that a process is gone when its test is, and that a server which does not stop cleanly fails its test. It knows
// nothing of the program but its command line and what it prints.
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
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder spoils no test

	*program = filepath.Join(dir, "trusthub")
	if err := Build(context.Background(), *program, flags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build builds the program, with flags of `go build`. It does so in the main module, because a test in a module of its own
// has other dependencies.
func Build(ctx context.Context, program string, flags ...string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("find the main module: %w", err)
	}
	args := slices.Concat([]string{"build", "-o", program}, flags, []string{"./cmd/trusthub"})
	build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // G204: our own words
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// RaceFlags returns the flags of `go build` for a program with the race detector if this test has it, and none otherwise.
// They are the Makefile's RACE.
func RaceFlags() []string {
	info, _ := debug.ReadBuildInfo()
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return nil
	}
	return []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-gcflags=modernc.org/libc=-race=false"}
}

// Serve runs `trusthub serve` with a database and more flags until the test ends, and returns its URL. Its account is AccountSID
// with AuthToken. The test fails if the server does not then exit with status 0 in time.
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

// DependOnSources lists every folder of the module, whose root is given. The go tool reuses the result of a test unless something
// that the test has opened has changed, and it does not see that the program is built from all of this.
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

// Eventually looks again and again whether something is the case that the test cannot be told of, and fails the test when the
// limit has passed.
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
