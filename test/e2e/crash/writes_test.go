package crash_test

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	writerCount = 4   // goroutines that write at the same time
	maxWrites   = 150 // that are acknowledged before the kill
)

// TestCrash repeatedly kills servers of one database with SIGKILL during writes. Each time it verifies that every acknowledged
// write is there, and is in the history of each product that it changed exactly once, and that every other is there completely or
// not at all. TRUSTHUB_CRASH_ROUNDS sets the number of kills.
func TestCrash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		rounds, _ := campaignRounds(t, 4)
		killWriters(t, db, rounds)
	})
}

// killWriters kills the server during writes, and verifies the database after each kill.
func killWriters(t *testing.T, db string, rounds int) {
	t.Helper()
	var writers []*writer
	for i := range writerCount {
		writers = append(writers, newWriter("w"+strconv.Itoa(i)))
	}
	var tally writeTally
	for round := range rounds + 1 {
		server := startInstance(t, db)
		tally.verify(t, db, writers)
		if t.Failed() {
			t.Fatalf("after %d kills", round)
		}
		if round%20 == 0 || round == rounds {
			t.Logf("after %d kills: %+v", round, tally)
		}
		if round < rounds {
			server.writeUntilKilled(t, writers)
		}
	}
}

// writeTally counts writes to show that the kills happened during writes.
type writeTally struct {
	Products     int            // that were not deleted
	Acknowledged map[string]int // writes, by the type of their event
	Kept, Absent int            // of the writes without a response
	Events       int            // in the histories
}

// verify compares the database with the writers' responses, and determines whether writes without a response were kept.
func (c *writeTally) verify(t *testing.T, db string, writers []*writer) {
	t.Helper()
	stored := readProducts(t, db)
	c.Products, c.Events, c.Acknowledged = 0, 0, map[string]int{}
	for sid, product := range stored {
		c.Events += len(product.history)
		if product.row.sid != "" {
			c.Products++
		}
		wantDistinctRequests(t, sid, product.history)
	}
	for _, w := range writers {
		c.settle(t, w, stored)
		for sid, want := range w.products {
			if got := stored[sid]; !reflect.DeepEqual(got, want) {
				t.Errorf("%s was written as\n%+v, in the database is\n%+v", sid, want, got)
			}
			delete(stored, sid)
		}
		for kind, n := range w.acknowledged {
			c.Acknowledged[kind] += n
		}
	}
	for sid, product := range stored {
		t.Errorf("no writer wrote %s: %+v", sid, product)
	}
}

// settle determines whether a writer's write without a response was kept, and wants it to be kept as a whole.
func (c *writeTally) settle(t *testing.T, w *writer, stored map[string]productState) {
	t.Helper()
	open := w.open
	if w.open = nil; open == nil {
		return
	}
	if open.kind == created { // its SID is unknown
		for sid, product := range stored {
			if product.row.name == open.name {
				open.sids = append(open.sids, sid)
			}
		}
	}
	kept := 0
	for _, sid := range open.sids {
		before, after := w.products[sid], stored[sid]
		if !reflect.DeepEqual(before, after) {
			kept++
			w.keep(sid, open.apply(before, outcomeIn(after))) // verify compares it with what is stored
		}
	}
	switch kept {
	case 0:
		c.Absent++
	case len(open.sids):
		c.Kept++
	default:
		t.Errorf("%+v was kept for %d products", *open, kept)
	}
}

// wantDistinctRequests expects that no two events of a history come from the same request, or from none.
func wantDistinctRequests(t *testing.T, sid string, history []eventRow) {
	t.Helper()
	seen := map[string]bool{"": true}
	for _, e := range history {
		if seen[e.request] {
			t.Errorf("the history of %s has a second event of the request %q: %+v", sid, e.request, history)
		}
		seen[e.request] = true
	}
}

// writeUntilKilled kills the server after a random number of acknowledged writes, while other writers are writing.
func (s *instance) writeUntilKilled(t *testing.T, writers []*writer) {
	t.Helper()
	threshold := int64(1 + rand.IntN(maxWrites))
	var acknowledged atomic.Int64
	var running sync.WaitGroup
	for _, w := range writers {
		running.Go(func() {
			w.write(t, s, func() {
				if acknowledged.Add(1) == threshold {
					if err := s.signalKill(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
	running.Wait()
	if n := acknowledged.Load(); n < threshold {
		t.Errorf("the server failed before the kill after %d writes, after %d", threshold, n)
	}
	s.end(t)
	if t.Failed() {
		t.Logf("the server's log:\n%s", s.Stderr())
	}
}
