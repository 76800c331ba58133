package pgtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// verdict is a testing.TB that records whether it was skipped or failed.
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
	for _, test := range []struct {
		ci              string
		err             error
		skipped, failed string
	}{
		{err: fmt.Errorf("%w: no such user", errMissing), skipped: "install Debian's postgresql"},
		{ci: "true", err: errMissing, failed: "in CI a skip is a failure"},
		{err: errNoBouncer, skipped: "install Debian's pgbouncer"},
		{ci: "true", err: errNoBouncer, failed: "in CI a skip is a failure"},
		{err: broken, failed: "out of space"},
		{ci: "true", err: broken, failed: "out of space"},
	} {
		t.Setenv("CI", test.ci)
		got := &verdict{TB: t}
		refuse(got, test.err)
		if (got.skipped == "") != (test.skipped == "") || !strings.Contains(got.skipped, test.skipped) {
			t.Errorf("CI=%s, %v: skipped with %q, want %q", test.ci, test.err, got.skipped, test.skipped)
		}
		if (got.failed == "") != (test.failed == "") || !strings.Contains(got.failed, test.failed) {
			t.Errorf("CI=%s, %v: failed with %q, want %q", test.ci, test.err, got.failed, test.failed)
		}
	}
}

// TestTakenPort: a failed start returns the server's message and leaves nothing behind.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	first := NewCluster(t)
	second := NewCluster(t)
	free := second.port
	if err := second.Kill(); err != nil {
		t.Fatal(err)
	}
	second.port = first.port
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a start on a taken port: %v", err)
	}
	second.port = free
	if err := second.Start(); err != nil {
		t.Errorf("a start on a free port: %v", err)
	}
}

func TestUnreachableFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the server runs as the user of this test, who reaches the same folders")
	}
	t.Setenv("TMPDIR", t.TempDir()) // below a folder that only root can access
	_, err := startCluster("off")
	if errors.Is(err, errMissing) {
		refuse(t, err)
	}
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("a folder that the server's user cannot reach: %v", err)
	}
}
