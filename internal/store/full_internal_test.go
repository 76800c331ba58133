package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// A disk that is full, as SQLite sees one: the file may not grow. A write then fails as unavailable and says why, though SQLite
// has rolled back by itself and a second rollback fails; nothing of the batch is kept. With room again, everything works.
func TestDiskFull(t *testing.T) {
	bundle := trust.NewBundle(trust.TrustProduct, "BU1", "AC1", "RN1", "Acme", "a@acme.example", "", time.UnixMilli(1))
	for name, fail := range map[string]func(s *Store) error{
		"one statement": func(s *Store) error {
			p := bundle
			p.SID, p.FriendlyName = "BU2", strings.Repeat("x", 1<<20)
			return s.Bundles.Create(t.Context(), p)
		},
		"a savepoint": func(s *Store) error {
			_, err := s.UpdateBundle(t.Context(), BundlesOf("AC1", trust.TrustProduct), "BU1", func(p trust.Bundle) (trust.Outcome, error) {
				p.FriendlyName = strings.Repeat("x", 1<<20)
				return trust.Outcome{Bundle: p, Changed: true}, nil
			})
			return err
		},
		"a savepoint, after other writes": func(s *Store) error {
			return s.write(t.Context(), func(tx session) error {
				if _, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ('AC2', '', 0)`); err != nil {
					return err
				}
				_, err := tx.exec(`UPDATE bundles SET friendly_name = $1`, strings.Repeat("x", 1<<20))
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t)
			must(t, s.Bundles.Create(t.Context(), bundle))
			limitPages(t, s, 1) // which means: no more than there are

			err := fail(s)
			failure, ok := errors.AsType[*sqlite.Error](err)
			if !errors.Is(err, ErrUnavailable) || !ok || failure.Code() != sqlite3.SQLITE_FULL {
				t.Fatalf("got %v, want ErrUnavailable for SQLITE_FULL", err)
			}
			if strings.Contains(err.Error(), "savepoint") || strings.Contains(err.Error(), "transaction") {
				t.Errorf("the error speaks of something else than the cause: %v", err)
			}
			if accounts, err := s.Accounts(t.Context()); err != nil || len(accounts) > 0 {
				t.Errorf("half of a write was kept: %d accounts, error %v", len(accounts), err)
			}

			limitPages(t, s, 1<<30)
			if _, err = s.ReviewBundle(t.Context(), "BU1", func(p trust.Bundle) (trust.Outcome, error) {
				p.FriendlyName = strings.Repeat("y", 1<<20)
				return trust.Outcome{Bundle: p, Changed: true}, nil
			}); err != nil {
				t.Errorf("with room again: %v", err)
			}
		})
	}
}

// limitPages bounds the size of the file, for the present connection of the writer.
func limitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	must(t, s.write(t.Context(), func(tx session) error {
		var limit int64
		return tx.row(`PRAGMA max_page_count = ` + strconv.Itoa(pages)).Scan(&limit)
	}))
}

// The rollback of a batch fails while its transaction is open: the writer goes on with another connection.
func TestRollbackFails(t *testing.T) {
	s := openFile(t)
	refused := errors.New("refused")
	must(t, s.write(t.Context(), func(session) error {
		run := s.batches.run // no other write runs now
		for _, text := range []string{`ROLLBACK`, `ROLLBACK TO one`} {
			statement, err := run.statement(t.Context(), text)
			if err != nil {
				return err
			}
			if err := statement.Close(); err != nil { //nolint:sqlclosecheck // that it is closed is what makes the rollback fail
				return err
			}
		}
		return nil
	}))
	for i := range 3 {
		err := s.write(t.Context(), func(tx session) error {
			_, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ('AC1', '', 0)`)
			return errors.Join(err, refused)
		})
		if first := i == 0; errors.Is(err, ErrUnavailable) != first || errors.Is(err, refused) == first {
			t.Errorf("write %d: %v", i, err)
		}
		if err := s.PutAccount(t.Context(), Account{SID: "AC" + strconv.Itoa(i+2)}); err != nil {
			t.Errorf("after write %d: %v", i, err)
		}
	}
	sids, err := queryAll(s.read(t.Context()), scanString, `SELECT sid FROM accounts ORDER BY sid`)
	if got := strings.Join(sids, " "); err != nil || got != "AC2 AC3 AC4" {
		t.Errorf("stored %s, error %v", got, err)
	}
}

// The writer's connection is lost, and no other can be made while the file is away: writes fail as unavailable and make no
// file. When it is back, they work.
func TestNoConnection(t *testing.T) {
	s := openFile(t)
	away := s.file.path + ".away"
	must(t, os.Rename(s.file.path, away))
	lost := s.write(t.Context(), func(session) error {
		s.batches.run.discard() // no other write runs now
		return nil
	})
	if refused := s.PutAccount(t.Context(), Account{SID: "AC1"}); !errors.Is(lost, ErrUnavailable) || !errors.Is(refused, ErrUnavailable) {
		t.Errorf("got %v and %v, want ErrUnavailable", lost, refused)
	}
	if _, err := os.Stat(s.file.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file again: %v", err)
	}
	must(t, os.Rename(away, s.file.path))
	must(t, s.PutAccount(t.Context(), Account{SID: "AC1"}))
}

func openFile(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
