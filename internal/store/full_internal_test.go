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
		"a transaction": func(s *Store) error {
			_, err := s.UpdateBundle(t.Context(), BundlesOf("AC1", trust.TrustProduct), "BU1", func(p trust.Bundle) (trust.Outcome, error) {
				p.FriendlyName = strings.Repeat("x", 1<<20)
				return trust.Outcome{Bundle: p, Changed: true}, nil
			})
			return err
		},
		"a transaction, after other writes": func(s *Store) error { return s.write(t.Context(), growAfterWrite) },
		"a savepoint, after other writes": func(s *Store) error {
			late := &write{fn: func(tx session) error { return errors.Join(addAccount(tx, "AC1"), errRefused) }}
			w := &write{fn: growAfterWrite}
			commitBatch(t, s, late, w)
			return s.classify(errors.Join(late.err, w.err))
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

// growAfterWrite is a write that needs more pages after it has changed something.
func growAfterWrite(tx session) error {
	if err := addAccount(tx, "AC2"); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE bundles SET friendly_name = $1`, strings.Repeat("x", 1<<20))
	return err
}

// limitPages bounds the size of the file, for the present connection of the writer.
func limitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	must(t, s.write(t.Context(), func(tx session) error {
		var limit int64
		return tx.row(`PRAGMA max_page_count = ` + strconv.Itoa(pages)).Scan(&limit)
	}))
}

// A rollback fails while its transaction is open: the writer goes on with another connection, and nothing of the transaction is
// kept.
func TestRollbackFails(t *testing.T) {
	refused := func() *write {
		return &write{fn: func(tx session) error { return errors.Join(addAccount(tx, "AC1"), errRefused) }}
	}
	other := func() *write {
		return &write{fn: func(tx session) error { return addAccount(tx, "AC2") }}
	}
	for name, test := range map[string]struct {
		rollback string
		batch    []*write
		want     error // for the refused write
		stored   string
	}{
		"of one write":                 {`ROLLBACK`, []*write{refused()}, errRefused, ""},
		"of a batch":                   {`ROLLBACK`, []*write{refused(), other()}, errRefused, "AC2"},
		"of a write in its second run": {`ROLLBACK TO one`, []*write{refused(), other()}, ErrUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t)
			closeStatement(t, s, test.rollback)
			commitBatch(t, s, test.batch...)
			if err := test.batch[0].err; !errors.Is(err, test.want) {
				t.Errorf("the refused write: %v, want %v", err, test.want)
			}
			wantAccounts(t, s, test.stored)
			must(t, s.PutAccount(t.Context(), Account{SID: "AC3"}))
			wantAccounts(t, s, strings.TrimSpace(test.stored+" AC3"))
		})
	}
}

// closeStatement has a statement of the writer's present connection fail.
func closeStatement(t *testing.T, s *Store, text string) {
	t.Helper()
	must(t, s.write(t.Context(), func(session) error {
		statement, err := s.batches.run.statement(t.Context(), text) // no other write runs now
		if err != nil {
			return err
		}
		return statement.Close() //nolint:sqlclosecheck // that it is closed is what makes it fail
	}))
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
