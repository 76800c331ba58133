package hub

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pass lets time pass in the bubble of a test.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // no real time passes

// rows are an account's in a database that others use, too.
type rows struct {
	mu             sync.Mutex
	stored, counts int
	err            error
}

func (r *rows) count(_ context.Context, _ string, limit int) (int, error) {
	r.mu.Lock()
	r.counts++
	stored, err := min(r.stored, limit), r.err
	r.mu.Unlock()
	pass(100 * time.Millisecond)
	return stored, err
}

// create has the quota make room for a row and stores it.
func (r *rows) create(t *testing.T, q *quota) error {
	t.Helper()
	if err := q.reserve(t.Context(), "AC1", 1); err != nil {
		return err
	}
	r.mu.Lock()
	r.stored++
	r.mu.Unlock()
	q.settle("AC1", 1)
	return nil
}

var errFull = tooMany(1, "Trust Products")

// TestFarFromTheLimit: no create waits for a count, and few counts are made.
func TestFarFromTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rows{}
		q := newQuota(1_000_000, errFull, r.count, time.Now)
		began := time.Now()
		for range 100 { // bursts, a second apart
			for range 200 {
				if err := r.create(t, q); err != nil {
					t.Fatal(err)
				}
			}
			pass(time.Second)
		}
		if waited := time.Since(began) - 100*time.Second; waited != 0 || r.counts > 10 {
			t.Errorf("20,000 creates waited for %v, with %d counts", waited, r.counts)
		}
	})
}

// TestFillTheQuota: one server that knows all rows stores exactly as many as it may, with few counts.
func TestFillTheQuota(t *testing.T) {
	for _, limit := range []int{1, 10, 999, 50_000} {
		synctest.Test(t, func(t *testing.T) {
			r := &rows{}
			q := newQuota(limit, errFull, r.count, time.Now)
			defer pass(time.Second) // for a count that is under way
			var err error
			for err == nil {
				err = r.create(t, q)
				pass(50 * time.Microsecond) // 20,000 a second
			}
			if !errors.Is(err, errFull) || r.stored != limit {
				t.Errorf("stored %d of %d, then %v", r.stored, limit, err)
			}
			if limit == 50_000 && r.counts > 3000 {
				t.Errorf("%d counts", r.counts)
			}
		})
	}
}

// TestStartWhereFull: a server that has just started knows nothing, and adds a thousandth before it does.
func TestStartWhereFull(t *testing.T) {
	for _, limit := range []int{10, 5000} {
		synctest.Test(t, func(t *testing.T) {
			r := &rows{stored: limit}
			q := newQuota(limit, errFull, r.count, time.Now)
			defer pass(time.Second) // for a count that is under way
			var err error
			for err == nil {
				err = r.create(t, q)
			}
			if !errors.Is(err, errFull) || r.stored > limit+limit/step {
				t.Errorf("%d stored, the limit is %d: %v", r.stored, limit, err)
			}
		})
	}
}

// TestRoomAgain: what this server removes makes room at once, what another does when it counts again. It counts rarely.
func TestRoomAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rows{stored: 10}
		q := newQuota(10, errFull, r.count, time.Now)
		if err := r.create(t, q); !errors.Is(err, errFull) {
			t.Fatalf("full: %v", err)
		}
		r.stored--
		q.release("AC1")
		if err := r.create(t, q); err != nil {
			t.Errorf("after a delete here: %v", err)
		}
		if err := r.create(t, q); !errors.Is(err, errFull) {
			t.Errorf("full again: %v", err)
		}
		r.stored--
		before := r.counts
		began, refused := time.Now(), 0
		for ; r.create(t, q) != nil; refused++ {
			pass(time.Millisecond)
		}
		if waited := time.Since(began); waited > 3*time.Second || refused < 1000 || r.counts > before+2 {
			t.Errorf("after a delete elsewhere there was room after %v, %d refusals and %d counts", waited, refused, r.counts-before)
		}
	})
}

// TestCountFails: an account that had room goes on, one that had none is told why nobody knows whether it has.
func TestCountFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rows{}
		q := newQuota(10, errFull, r.count, time.Now)
		for range 2 {
			if err := r.create(t, q); err != nil {
				t.Fatal(err)
			}
		}
		r.err = errors.New("the disk is gone")
		for r.stored < 10 {
			if err := r.create(t, q); err != nil {
				t.Fatalf("with %d of 10: %v", r.stored, err)
			}
		}
		pass(time.Minute)
		if err := r.create(t, q); !errors.Is(err, r.err) {
			t.Errorf("full: %v", err)
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if err := q.reserve(ctx, "AC1", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves before the count has ended: %v", err)
		}
		pass(time.Second) // for the count
	})
}

// BenchmarkQuota measures what a create far from the limit pays, with many at once.
func BenchmarkQuota(b *testing.B) {
	count := func(context.Context, string, int) (int, error) { return 0, nil }
	q := newQuota(1<<40, errFull, count, time.Now)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := q.reserve(b.Context(), "AC1", 1); err != nil {
				b.Error(err)
			}
			q.settle("AC1", 1)
		}
	})
}
