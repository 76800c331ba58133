package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// unknownAccounts asks for accounts that do not exist, as requests with wrong credentials do.
func unknownAccounts(t *testing.T, s *Store, count int) {
	t.Helper()
	for i := range count {
		if _, err := s.Account(t.Context(), "AC"+strconv.Itoa(i)); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// TestPreparedOnPostgres has Postgres itself count: each look-up runs a statement that was prepared once.
func TestPreparedOnPostgres(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()           //nolint:errcheck // nothing was written
	unknownAccounts(t, s, 10) // on one connection, to which belongs what is prepared
	var prepared, runs int
	logins := session{t.Context(), s.logins}
	if err := logins.row(`SELECT count(*), sum(generic_plans + custom_plans) FROM pg_prepared_statements
		WHERE statement LIKE 'SELECT sid, auth_token%'`).Scan(&prepared, &runs); err != nil || prepared != 1 || runs != 10 {
		t.Errorf("%d prepared statements, %d runs, error %v, want 1 and 10", prepared, runs, err)
	}
}

func openSQLiteReads(t *testing.T) (*Store, *preparedReads) {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // nothing was written
	reads, ok := s.logins.(*preparedReads)
	if !ok {
		t.Fatalf("SQLite is read with %T, which prepares nothing", s.logins)
	}
	return s, reads
}

// TestPreparedOnSQLite prepares one statement for all look-ups, at once and in a row, and leaves none open: that would keep the
// log from being emptied.
func TestPreparedOnSQLite(t *testing.T) {
	s, reads := openSQLiteReads(t)
	before := len(reads.statements) // by Open
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := s.Account(t.Context(), "AC"); !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	unknownAccounts(t, s, 10)
	if err := s.PutAccount(t.Context(), Account{SID: "AC", AuthToken: "t"}); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Account(t.Context(), "AC"); err != nil || a.AuthToken != "t" {
		t.Errorf("%+v, error %v", a, err)
	}
	if n := len(reads.statements) - before; n != 1 {
		t.Errorf("%d statements are prepared, want 1", n)
	}
	var busy, pages, moved int
	if err := reads.DB.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil || busy != 0 {
		t.Errorf("busy %d, error %v: a reader keeps the log", busy, err)
	}
}

// TestPreparedIsBounded asks in more ways than are kept.
func TestPreparedIsBounded(t *testing.T) {
	_, reads := openSQLiteReads(t)
	q := session{t.Context(), reads}
	for i := range 2 * maxStatements {
		var got int
		if err := q.row(fmt.Sprintf("SELECT %d", i)).Scan(&got); err != nil || got != i {
			t.Fatalf("%d, error %v, want %d", got, err, i)
		}
		all, err := queryAll(q, scanString, fmt.Sprintf("SELECT 'all %d'", i))
		if err != nil || len(all) != 1 || all[0] != fmt.Sprintf("all %d", i) {
			t.Fatalf("%v, error %v", all, err)
		}
	}
	if len(reads.statements) != maxStatements {
		t.Errorf("%d statements are kept, want %d", len(reads.statements), maxStatements)
	}
}

func TestMayChange(t *testing.T) {
	for query, want := range map[string]bool{
		`SELECT 1`:       false,
		"\n\t SELECT 1":  false,
		`INSERT INTO t`:  true,
		`WITH x AS (y) `: true,
	} {
		var p prepared
		if p.mayChange(query); p.changed != want {
			t.Errorf("%q may change something: %v, want %v", query, p.changed, want)
		}
	}
}

func TestForSQLite(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT 1`: `SELECT 1`,
		`INSERT INTO t VALUES ($1, $2), ($3, $4)`: `INSERT INTO t VALUES (?, ?), (?, ?)`,
		`SELECT $1, $2, $1`:                       `SELECT $1, $2, $1`,
		`SELECT $2, $1`:                           `SELECT $2, $1`,
		`SELECT $2`:                               `SELECT $2`,
		`SELECT 1 LIMIT $1`:                       `SELECT 1 LIMIT CAST(? AS INTEGER)`,
		`SELECT $1 LIMIT $1`:                      `SELECT $1 LIMIT CAST($1 AS INTEGER)`,
		`SELECT 1 LIMIT 2`:                        `SELECT 1 LIMIT 2`,
	} {
		if got := forSQLite(query); got != want {
			t.Errorf("%s becomes %s, want %s", query, got, want)
		}
	}
	if got := forSQLite(bundles.insertText(5)); strings.Contains(got, "$") {
		t.Errorf("an INSERT of several rows keeps its names: %s", got)
	}
}
