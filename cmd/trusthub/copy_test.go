package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestCopyToPostgres does what testdata/scripts/copy.txt does, in the direction that most will need: to Postgres.
func TestCopyToPostgres(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "trusthub.db"), pgtest.New(t)
	trusthub := func(want int, args ...string) (printed string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != want {
			t.Fatalf("%s: status %d, want %d: %s", args[0], code, want, errs.String())
		}
		if want != 0 {
			return errs.String()
		}
		return out.String() // errs names the database
	}
	trusthub(0, "accounts", "add", "--db", from)
	if printed := trusthub(0, "copy", "--from", from, "--to", to); !strings.Contains(printed, `"accounts": 1,`) {
		t.Errorf("printed %s", printed)
	}
	if trusthub(0, "accounts", "list", "--tokens", "--db", from) != trusthub(0, "accounts", "list", "--tokens", "--db", to) {
		t.Error("the accounts differ")
	}
	if printed := trusthub(1, "copy", "--from", from, "--to", to); !strings.Contains(printed, "not empty") {
		t.Errorf("printed %s", printed)
	}
}
