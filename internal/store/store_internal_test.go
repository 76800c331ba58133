package store

import (
	"path/filepath"
	"testing"
)

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
