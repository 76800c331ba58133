package store

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// What durability rests on holds on every connection, the second and third of the pool too.
func TestPragmas(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	for name, db := range map[string]*sql.DB{"writer": s.writer, "reader": s.reader} {
		held := min(3, db.Stats().MaxOpenConnections)
		for range held {
			// Not given back before the test ends, so that the pool has to open the next one.
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // as above
			for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000"} {
				var got string
				if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %s is %q, error %v, want %q", name, pragma, got, err, want)
				}
			}
		}
	}
}
