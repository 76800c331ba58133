package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// A statement has the limit that it was given, 10 s without one, and none with a negative one.
func TestStatementTimeout(t *testing.T) {
	database := pgtest.New(t)
	for limit, want := range map[time.Duration]string{0: "10s", time.Minute: "1min", -1: "0"} {
		s, err := Open(t.Context(), database, Options{StatementTimeout: limit})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
			var got string
			if err := s.read(t.Context()).row("SHOW " + name).Scan(&got); err != nil || got != want {
				t.Errorf("%s for %v: %q, error %v, want %q", name, limit, got, err, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What durability rests on holds on every connection, the second and third of the pool too.
func TestPragmas(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	if err := s.write(t.Context(), func(tx session) error { checkPragmas(t, "writer", tx); return nil }); err != nil {
		t.Fatal(err)
	}
	for range min(3, s.reader.Stats().MaxOpenConnections) {
		// Not given back before the test ends, so that the pool has to open the next one.
		conn, err := s.reader.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // as above
		checkPragmas(t, "reader", session{t.Context(), conn})
	}
}

func checkPragmas(t *testing.T, name string, q session) {
	t.Helper()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
		var got string
		if err := q.row("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s is %q, error %v, want %q", name, pragma, got, err, want)
		}
	}
}
