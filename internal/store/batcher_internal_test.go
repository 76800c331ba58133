package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestBatch holds the writer until many writes wait, so that all of them share a transaction: some succeed, some fail before
// they write, some after, one panics, one's caller has gone.
func TestBatch(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const count = 100
	refused := errors.New("refused")
	holding, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.write(t.Context(), func(session) error { close(holding); <-release; return nil })
	})
	<-holding
	gone, cancel := context.WithCancel(t.Context())
	results := make([]error, count)
	for i := range count {
		ctx := t.Context()
		if i%5 == 4 {
			ctx = gone
		}
		group.Go(func() {
			results[i] = s.write(ctx, func(tx session) error {
				if i%5 == 1 {
					return refused
				}
				account := fmt.Sprintf("AC%d", i)
				if _, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, $2, $3)`, account, "t", i); err != nil {
					return err
				}
				switch i % 5 {
				case 2:
					return refused
				case 3:
					panic(i)
				}
				return nil
			})
		})
	}
	for len(s.batches.waiting) < count {
		<-time.After(time.Millisecond) // there is no event to wait for: the writes block in a channel
	}
	cancel()
	close(release)
	group.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkBatch(t, s, results, refused)
}

func checkBatch(t *testing.T, closed *Store, results []error, refused error) {
	t.Helper()
	for i, err := range results {
		switch kind := i % 5; {
		case kind == 0 && err != nil, (kind == 1 || kind == 2) && !errors.Is(err, refused),
			kind == 3 && err == nil, kind == 4 && !errors.Is(err, context.Canceled):
			t.Errorf("write %d: %v", i, err)
		}
	}
	if err := closed.write(t.Context(), func(session) error { return nil }); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a write after Close: %v", err)
	}
}

// TestBatchKeepsWhatSucceeded looks at the rows of such a batch.
func TestBatchKeepsWhatSucceeded(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what is looked at has been committed
	insert := func(sid string, then error) func(session) error {
		return func(tx session) error {
			_, err := tx.exec(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ($1, 't', 1)`, sid)
			return errors.Join(err, then)
		}
	}
	refused := errors.New("refused")
	var batch []*write
	for _, w := range []*write{
		{fn: insert("AC1", nil)},
		{fn: insert("AC2", refused)},
		{fn: insert("AC1", nil)},
		{fn: insert("AC3", nil), single: true},
		{fn: insert("AC3", nil), single: true},
		{fn: insert("AC4", nil)},
	} {
		w.ctx, w.done = t.Context(), make(chan struct{})
		batch = append(batch, w)
	}
	// Not beside the loop: nothing else is written in this test.
	s.batches.commit(batch)
	for i, want := range []bool{true, false, false, true, false, true} {
		if got := batch[i].err == nil; got != want {
			t.Errorf("write %d: %v", i, batch[i].err)
		}
	}
	sids, err := queryAll(s.read(t.Context()), scanString, `SELECT sid FROM accounts ORDER BY sid`)
	if got := fmt.Sprint(sids); err != nil || got != "[AC1 AC3 AC4]" {
		t.Errorf("stored %s, %v", got, err)
	}
}
