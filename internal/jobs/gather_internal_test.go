package jobs

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// idleWorker returns a worker without a store.
func idleWorker() *Worker {
	return NewWorker(Config{Now: time.Now, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler)})
}

// TestGather has running attempts end at once, later or not at all.
func TestGather(t *testing.T) {
	for _, test := range []struct {
		name           string
		running, ended int
		gathered       int
		took           time.Duration
	}{
		{"nothing runs", 0, 0, 0, 0},
		{"the only one has ended", 1, 1, 1, 0},
		{"the only one has not", 1, 0, 0, gatherTimeout},
		{"half have ended", 5, 3, 3, 0},
		{"fewer have ended", 5, 2, 2, gatherTimeout},
		{"all have ended", 8, 8, 4, 0},
		{"enough of very many have ended", 500, gatherReports, gatherReports, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := idleWorker()
				queue := store.Queue{AccountSID: "AC1", Channel: trust.Callback, Endpoint: "a"}
				for range test.running {
					w.slots[trust.Callback].acquire(queue)
				}
				for range test.ended {
					w.results <- store.Report{Lease: store.Lease{Queue: queue}, Attempt: trust.Attempt{Verdict: trust.Delivered}}
				}
				begun := time.Now()
				w.gather(t.Context())
				if took := time.Since(begun); len(w.unrecorded) != test.gathered || took != test.took {
					t.Errorf("gathered %d in %v, want %d in %v", len(w.unrecorded), took, test.gathered, test.took)
				}
			})
		})
	}
}

// TestGatherEndsWithItsContext: a server that stops does not wait.
func TestGatherEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := idleWorker()
		w.slots[trust.Email].acquire(store.Queue{AccountSID: "AC1", Channel: trust.Email})
		ctx, stop := context.WithCancel(t.Context())
		stop()
		begun := time.Now()
		w.gather(ctx)
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
