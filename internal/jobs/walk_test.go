package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// walkers let actors try random changes on a few bundles at once, beside a running worker, and notes every change that was
// made, in the order of the database.
type walkers struct {
	*world
	mu      sync.Mutex
	made    map[string][]*trust.Status // by bundle; pointers, so that one which was undone can be told from its equals
	told    map[string][]trust.Status  // by callback, in order of arrival
	mailed  map[string][]trust.Status
	tried   map[string]bool // notices whose first attempt was made to fail
	open    int             // changes not told of on both channels yet
	allTold chan struct{}
}

// TestRandomWalk compares the callbacks and e-mails with the changes: as many, the same, in the same order.
// TRUSTHUB_WALK_STEPS sets how many changes are tried.
func TestRandomWalk(t *testing.T) {
	steps := 2000
	if s, ok := os.LookupEnv("TRUSTHUB_WALK_STEPS"); ok {
		var err error
		if steps, err = strconv.Atoi(s); err != nil {
			t.Fatalf("TRUSTHUB_WALK_STEPS: %v", err)
		}
	}
	storetest.Each(t, func(t *testing.T, db *store.Store) { walk(t, db, steps) })
}

func walk(t *testing.T, db *store.Store, steps int) {
	t.Helper()
	const actors, bundles = 8, 25
	w := &walkers{
		world: newWorld(t, db), tried: map[string]bool{}, allTold: make(chan struct{}, 1),
		made: map[string][]*trust.Status{}, told: map[string][]trust.Status{}, mailed: map[string][]trust.Status{},
	}
	w.config.Policy = trust.Policy{ValidFor: time.Hour} // all changes come from the actors
	w.config.Retries = jobs.TwilioRetries()
	w.config.Call, w.config.Mail = w.call, w.mail
	for i := range bundles {
		p := trust.NewBundle(trust.TrustProduct, fmt.Sprintf("BU%d", i), accountSID, "RN", "Acme", "a@b.example", "http://x.example/", w.clock())
		if err := w.db.Bundles.Create(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var working, walking sync.WaitGroup
	working.Go(func() { jobs.NewWorker(w.config).Run(ctx) })
	for range actors {
		walking.Go(func() {
			for range steps / actors {
				w.step(fmt.Sprintf("BU%d", rand.IntN(bundles)))
			}
		})
	}
	walking.Wait()
	w.waitUntilTold()
	stop()
	working.Wait()
	changes := 0
	for sid := range w.made {
		var made []trust.Status
		for _, status := range w.made[sid] {
			made = append(made, *status)
		}
		changes += len(made)
		if !slices.Equal(made, w.told[sid]) || !slices.Equal(made, w.mailed[sid]) {
			t.Errorf("%s: made %v\ntold %v\nmailed %v", sid, made, w.told[sid], w.mailed[sid])
		}
	}
	if changes < steps/20 {
		t.Errorf("only %d changes in %d steps", changes, steps)
	}
	t.Logf("%d changes in %d steps", changes, steps)
}

// step tries a change that may or may not be allowed.
func (w *walkers) step(sid string) {
	by := trust.Actors()[rand.IntN(len(trust.Actors()))]
	wanted := trust.Statuses()[rand.IntN(len(trust.Statuses()))]
	if rand.IntN(2) == 0 { // a step of the table, which is legal more often
		legal := trust.Steps()[rand.IntN(len(trust.Steps()))]
		by, wanted = legal.By, legal.To
	}
	change := trust.Change{Status: &wanted, Reasons: []int{18601}}
	if by == trust.AccountHolder && rand.IntN(2) == 0 {
		change.FriendlyName = new(fmt.Sprint(rand.IntN(3)))
	}
	var made *trust.Status
	_, err := w.db.ReviewBundle(w.t.Context(), sid, func(p trust.Bundle) (trust.Outcome, error) {
		w.undo(sid, made) // where this has run before, nothing of it was kept
		made = nil
		outcome, err := w.config.Policy.Apply(p, change, by, w.clock())
		if err == nil && outcome.Bundle.Status != p.Status {
			made = new(outcome.Bundle.Status)
			w.make(sid, made)
		}
		return outcome, err
	})
	switch {
	case errors.Is(err, trust.ErrStatusChange), errors.Is(err, trust.ErrNotEditable):
	case err != nil:
		w.undo(sid, made)
		w.t.Errorf("%s to %s: %v", sid, wanted, err)
	}
}

// make notes a change, inside of its transaction, so that the order is the database's.
func (w *walkers) make(sid string, made *trust.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made[sid] = append(w.made[sid], made)
	w.open += 2
}

// undo forgets a change, if it was made.
func (w *walkers) undo(sid string, made *trust.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.made[sid], made); i >= 0 {
		w.made[sid] = slices.Delete(w.made[sid], i, i+1)
		w.open -= 2
	}
}

// call fails a fifth of the notices once, as if no connection could be made.
func (w *walkers) call(_ context.Context, n trust.Notice, _ string) trust.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.tried[n.ID] && rand.IntN(5) == 0 {
		w.tried[n.ID] = true
		return trust.Attempt{Verdict: trust.TryAgain}
	}
	return w.arrive(w.told, n)
}

func (w *walkers) mail(_ context.Context, n trust.Notice) trust.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.arrive(w.mailed, n)
}

func (w *walkers) arrive(at map[string][]trust.Status, n trust.Notice) trust.Attempt {
	at[n.BundleSID] = append(at[n.BundleSID], n.Status)
	if w.open--; w.open == 0 {
		select {
		case w.allTold <- struct{}{}:
		default:
		}
	}
	return trust.Attempt{Verdict: trust.Delivered, StatusCode: 200}
}

func (w *walkers) waitUntilTold() {
	w.t.Helper()
	for {
		w.mu.Lock()
		open := w.open
		w.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-w.allTold: // it may also be an earlier moment at which all was told
		case <-time.After(time.Minute):
			w.t.Fatalf("%d notices did not come", open)
		}
	}
}
