package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// verdict records how a test would have ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper()                      {}
func (v *verdict) Skip(args ...any)             { v.skipped = fmt.Sprint(args...) }
func (v *verdict) Fatal(args ...any)            { v.failed = fmt.Sprint(args...) }
func (v *verdict) Fatalf(f string, args ...any) { v.failed = fmt.Sprintf(f, args...) }

func TestWithoutPostgres(t *testing.T) {
	broken := errors.New("initdb: out of space")
	for name, test := range map[string]struct {
		ci              string
		err             error
		skipped, failed string
	}{
		"at home":           {err: errMissing, skipped: "install"},
		"in CI":             {ci: "true", err: errMissing, failed: "in CI a skip is a failure"},
		"broken at home":    {err: broken, failed: "out of space"},
		"broken in CI":      {ci: "true", err: broken, failed: "out of space"},
		"wrapped":           {err: fmt.Errorf("%w: no such user", errMissing), skipped: "no such user"},
		"names the setting": {err: errMissing, skipped: serverVariable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CI", test.ci)
			got := &verdict{TB: t}
			refuse(got, test.err)
			if (got.skipped == "") != (test.skipped == "") || !strings.Contains(got.skipped, test.skipped) {
				t.Errorf("skipped with %q, want %q", got.skipped, test.skipped)
			}
			if (got.failed == "") != (test.failed == "") || !strings.Contains(got.failed, test.failed) {
				t.Errorf("failed with %q, want %q", got.failed, test.failed)
			}
		})
	}
}

func TestNewestDebianVersionIsPreferred(t *testing.T) {
	if a, b := major("/usr/lib/postgresql/9/bin"), major("/usr/lib/postgresql/15/bin"); a >= b {
		t.Errorf("9 is taken for %d and 15 for %d", a, b)
	}
}

// A start that fails is told at once, with what the server says, and nothing of it stays.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	first := NewCluster(t)
	second, err := newSupervisor(fast)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.end(); err != nil {
			t.Error(err)
		}
	})
	if err := second.expect(lineReady); err != nil {
		t.Fatal(err)
	}
	second.port = first.port
	if err := second.Start(); !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a start on a taken port: %v", err)
	}
	if second.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Errorf("a start on the next port: %v", err)
	}
}

func TestProgramsRun(t *testing.T) {
	found, err := findPrograms()
	if err != nil {
		refuse(t, err)
	}
	for _, program := range []string{found.initdb, found.postgres} {
		if out, err := exec.CommandContext(t.Context(), program, "--version").CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
}

func TestUnreachableFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the server runs as the user of this test, who reaches the same folders")
	}
	t.Setenv("TMPDIR", t.TempDir()) // which lies in a folder of root's alone
	_, err := startCluster(fast)
	if errors.Is(err, errMissing) {
		refuse(t, err)
	}
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a folder that the server's user cannot reach: %v", err)
	}
}
