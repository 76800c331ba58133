package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var errRefused = errors.New("refused")

// TestBatch holds the writer until many writes wait, so that all of them share a transaction: some succeed, some fail before
// they write, some after, one panics, one's caller has gone.
func TestBatch(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const count = 100
	release := hold(t, s)
	gone, cancel := context.WithCancel(t.Context())
	results := make([]error, count)
	var group sync.WaitGroup
	for i := range count {
		ctx := t.Context()
		if i%5 == 4 {
			ctx = gone
		}
		group.Go(func() {
			results[i] = s.write(ctx, func(tx session) error {
				if i%5 == 1 {
					return errRefused
				}
				if err := addAccount(tx, fmt.Sprintf("AC%d", i)); err != nil {
					return err
				}
				switch i % 5 {
				case 2:
					return errRefused
				case 3:
					panic(i)
				}
				return nil
			})
		})
	}
	waitFor(s, count)
	cancel()
	release()
	group.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkBatch(t, s, results)
}

// hold keeps the writer busy, so that writes wait, until the returned function is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	holding, released := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.write(t.Context(), func(session) error { close(holding); <-released; return nil })
	})
	<-holding
	return func() { close(released); group.Wait() }
}

// waitFor returns when so many writes wait.
func waitFor(s *Store, count int) {
	for len(s.batches.waiting) < count {
		<-time.After(time.Millisecond) // there is no event to wait for: the writes block in a channel
	}
}

func checkBatch(t *testing.T, closed *Store, results []error) {
	t.Helper()
	for i, err := range results {
		switch kind := i % 5; {
		case kind == 0 && err != nil, (kind == 1 || kind == 2) && !errors.Is(err, errRefused),
			kind == 3 && err == nil, kind == 4 && !errors.Is(err, context.Canceled):
			t.Errorf("write %d: %v", i, err)
		}
	}
	if err := closed.write(t.Context(), func(session) error { return nil }); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a write after Close: %v", err)
	}
}

func addAccount(tx session, sid string) error {
	_, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, 't', 1)`, sid)
	return err
}

// wantAccounts compares the SIDs of the accounts, with spaces between them.
func wantAccounts(t *testing.T, s *Store, want string) {
	t.Helper()
	sids, err := queryAll(s.read(t.Context()), scanString, `SELECT sid FROM accounts ORDER BY sid`)
	if got := strings.Join(sids, " "); err != nil || got != want {
		t.Errorf("stored %q, error %v, want %q", got, err, want)
	}
}

// commitBatch runs writes as one batch. It must not run beside the loop: nothing else may be written meanwhile.
func commitBatch(t *testing.T, s *Store, batch ...*write) {
	t.Helper()
	for _, w := range batch {
		if w.ctx == nil {
			w.ctx = t.Context()
		}
		w.done = make(chan struct{})
	}
	s.batches.commit(batch)
}

// TestBatchUndoesFailedWrites has batches of which two writes fail after they have changed something, each in another way. Only
// what the others wrote is stored. The first such failure has the batch run again.
func TestBatchUndoesFailedWrites(t *testing.T) {
	for name, fail := range map[string]func(tx session, sid string) error{
		"an error": func(tx session, sid string) error {
			return errors.Join(addAccount(tx, sid), errRefused)
		},
		"a panic": func(tx session, sid string) error {
			if err := addAccount(tx, sid); err != nil {
				return err
			}
			panic(sid)
		},
		"an error after a query that changes": func(tx session, sid string) error {
			_, err := queryAll(tx, scanString, `INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, 't', 1) RETURNING sid`, sid)
			return errors.Join(err, errRefused)
		},
		"an error after a query for one row that changes": func(tx session, sid string) error {
			_, err := scanString(tx.row(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, 't', 1) RETURNING sid`, sid))
			return errors.Join(err, errRefused)
		},
		"a statement that fails after another": func(tx session, sid string) error {
			return errors.Join(addAccount(tx, sid), addAccount(tx, sid))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openFile(t)
			var runs [5]int
			counted := func(i int, fn func(session) error) *write {
				return &write{fn: func(tx session) error {
					runs[i]++
					return fn(tx)
				}}
			}
			batch := []*write{
				counted(0, func(tx session) error { return addAccount(tx, "AC1") }),
				counted(1, func(session) error { return errRefused }),
				counted(2, func(tx session) error { return fail(tx, "AC2") }),
				counted(3, func(tx session) error { return fail(tx, "AC3") }),
				counted(4, func(tx session) error { return addAccount(tx, "AC4") }),
			}
			commitBatch(t, s, batch...)
			for i, want := range []bool{true, false, false, false, true} {
				if got := batch[i].err == nil; got != want {
					t.Errorf("write %d: %v", i, batch[i].err)
				}
			}
			wantAccounts(t, s, "AC1 AC4")
			if want := [5]int{2, 2, 2, 1, 1}; runs != want {
				t.Errorf("the writes ran %v times, want %v", runs, want)
			}
		})
	}
}

// TestBatchRefusesEarly has a batch in which writes fail before they change anything. It runs once.
func TestBatchRefusesEarly(t *testing.T) {
	s := openFile(t)
	must(t, s.PutAccount(t.Context(), Account{SID: "AC1"}))
	runs := 0
	kept := &write{fn: func(tx session) error { runs++; return addAccount(tx, "AC2") }}
	var refused []*write
	for _, statement := range []string{
		`UPDATE accounts SET auth_token = '' WHERE sid = 'AC3'`,
		`DELETE FROM accounts WHERE sid = 'AC3'`,
		`INSERT INTO accounts (sid, auth_token, created_at) VALUES ('AC1', '', 0) ON CONFLICT (sid) DO NOTHING`,
	} {
		refused = append(refused, &write{fn: func(tx session) error {
			_, err := tx.exec(statement)
			return errors.Join(err, tx.row(`SELECT sid FROM accounts WHERE sid = 'AC3'`).Scan(new(string)))
		}})
	}
	commitBatch(t, s, append([]*write{kept}, refused...)...)
	for i, w := range refused {
		if !errors.Is(w.err, sql.ErrNoRows) {
			t.Errorf("refused write %d: %v", i, w.err)
		}
	}
	if kept.err != nil || runs != 1 {
		t.Errorf("the other write: %d runs, error %v, want one run", runs, kept.err)
	}
	wantAccounts(t, s, "AC1 AC2")
}

// TestBatchOfOne has a write that fails alone. It is undone, and runs once.
func TestBatchOfOne(t *testing.T) {
	s := openFile(t)
	runs := 0
	w := &write{fn: func(tx session) error {
		runs++
		return errors.Join(addAccount(tx, "AC1"), errRefused)
	}}
	commitBatch(t, s, w)
	if !errors.Is(w.err, errRefused) || runs != 1 {
		t.Errorf("%d runs, error %v, want one that is refused", runs, w.err)
	}
	wantAccounts(t, s, "")
}

// TestBatchWithSingleStatements has two that store the same row.
func TestBatchWithSingleStatements(t *testing.T) {
	s := openFile(t)
	insert := func(tx session) error { return addAccount(tx, "AC1") }
	first, second := &write{fn: insert, single: true}, &write{fn: insert, single: true}
	other := &write{fn: func(tx session) error { return addAccount(tx, "AC2") }}
	commitBatch(t, s, first, second, other)
	if first.err != nil || second.err == nil || other.err != nil {
		t.Errorf("errors %v, %v, %v, want only the second", first.err, second.err, other.err)
	}
	wantAccounts(t, s, "AC1 AC2")
}

// TestBatchRunsAgain has a batch that runs twice, in which a caller has left after the first time.
func TestBatchRunsAgain(t *testing.T) {
	s := openFile(t)
	ctx, leave := context.WithCancel(t.Context())
	left := &write{ctx: ctx, fn: func(tx session) error { return addAccount(tx, "AC1") }}
	var found []bool // whether an earlier run was kept
	kept := &write{fn: func(tx session) error {
		var some bool
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM accounts WHERE sid = 'AC2')`).Scan(&some); err != nil {
			return err
		}
		found = append(found, some)
		return addAccount(tx, "AC2")
	}}
	refused := &write{fn: func(tx session) error {
		leave()
		return errors.Join(addAccount(tx, "AC3"), errRefused)
	}}
	commitBatch(t, s, left, kept, refused)
	if !errors.Is(left.err, context.Canceled) || kept.err != nil || !errors.Is(refused.err, errRefused) {
		t.Errorf("errors %v, %v, %v", left.err, kept.err, refused.err)
	}
	if fmt.Sprint(found) != "[false false]" {
		t.Errorf("the runs found rows of earlier ones: %v, want none in two", found)
	}
	wantAccounts(t, s, "AC2")
}
