package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestExclusively takes the worker away from Run again and again: no two may use it at once, and each notice is sent once.
func TestExclusively(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		const callers, turns = 4, 20
		worker := jobs.NewWorker(w.config)
		ctx, stop := context.WithCancel(t.Context())
		var working, calling sync.WaitGroup
		working.Go(func() { worker.Run(ctx) })
		inside, taken := 0, 0
		turn := func(drain func() error) error {
			inside++
			if inside != 1 {
				t.Errorf("%d use the worker", inside)
			}
			taken++
			err := drain()
			inside--
			return err
		}
		for i := range callers {
			calling.Go(func() {
				for n := range turns {
					w.submit(fmt.Sprintf("BU%d.%d", i, n), "a+hold@b.example")
					if err := worker.Exclusively(t.Context(), turn); err != nil {
						t.Error(err)
					}
				}
			})
		}
		calling.Wait()
		stop()
		working.Wait()
		if err := worker.Exclusively(t.Context(), turn); err != nil { // also after Run
			t.Error(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		sent := map[string]bool{}
		for _, call := range w.called {
			sent[call] = true
		}
		if want := 2 * callers * turns; taken != callers*turns+1 || len(w.called) != want || len(sent) != want {
			t.Errorf("%d turns; %d callbacks, %d different ones, want %d of each", taken, len(w.called), len(sent), want)
		}
	})
}

// TestExclusivelyGivesUp: who waits for another's turn gives up with its context.
func TestExclusivelyGivesUp(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		err := w.worker.Exclusively(t.Context(), func(func() error) error {
			ctx, giveUp := context.WithCancel(t.Context())
			giveUp()
			return w.worker.Drain(ctx)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// TestDrainGivesUp: the end of Drain's context cancels no attempt. The next Drain records it.
func TestDrainGivesUp(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		calling, release, canceled := make(chan struct{}), make(chan struct{}), false
		config := w.config
		config.Call = func(ctx context.Context, n trust.Notice, _ string) trust.Attempt {
			if n.Status == trust.PendingReview {
				close(calling)
				<-release
				canceled = ctx.Err() != nil
			}
			return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
		}
		worker := jobs.NewWorker(config)
		w.submit("BU1", "a+hold@b.example")
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- worker.Drain(ctx) }()
		<-calling
		giveUp()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Drain returned %v", err)
		}
		close(release)
		if err := worker.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if canceled {
			t.Error("the callback was canceled")
		}
		for _, n := range w.callbacks("BU1") {
			if n.State != store.Delivered || len(n.Attempts) != 1 {
				t.Errorf("the callback of %s is %s after %d attempts", n.Notice.Status, n.State, len(n.Attempts))
			}
		}
	})
}
