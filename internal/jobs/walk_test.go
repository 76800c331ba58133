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
	made    map[string][]*walkedChange // by bundle; pointers, so that one which was undone can be told from its equals
	told    map[string][]trust.Status  // by callback, in order of arrival
	mailed  map[string][]trust.Status
	tried   map[string]bool // notices whose first attempt was made to fail
	open    int             // changes not told of on both channels yet
	allTold chan struct{}

	following sync.Mutex
	followed  map[string][]string // the events of each bundle that were read by their positions while others came
	position  int64
}

// walkedChange is a change that was made, and what its event has.
type walkedChange struct {
	request string       // its own
	status  trust.Status // empty if it has not changed
	event   string       // in words
}

// TestRandomWalk compares the callbacks and e-mails with the changes of the status, and the events with all changes: as many, the
// same, in the same order.
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
		made: map[string][]*walkedChange{}, followed: map[string][]string{}, told: map[string][]trust.Status{}, mailed: map[string][]trust.Status{},
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
				if rand.IntN(10) == 0 {
					w.follow()
				}
			}
		})
	}
	walking.Wait()
	w.waitUntilTold()
	stop()
	working.Wait()
	for more := true; more; {
		more = w.follow() > 0
	}
	changes := 0
	for sid := range w.made {
		w.wantHistory(sid)
		var made []trust.Status
		for _, change := range w.made[sid] {
			if change.status != "" {
				made = append(made, change.status)
			}
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
	change.RequestID = fmt.Sprintf("RQ%x", rand.Uint64())
	var made *walkedChange
	_, err := w.db.ReviewBundle(w.t.Context(), sid, func(p trust.Bundle) (trust.Outcome, error) {
		w.undo(sid, made) // where this has run before, nothing of it was kept
		made = nil
		outcome, err := w.config.Policy.Apply(p, change, by, w.clock())
		if err == nil && outcome.Changed {
			made = newWalkedChange(p, outcome.Bundle, by, change.RequestID)
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
func (w *walkers) make(sid string, made *walkedChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made[sid] = append(w.made[sid], made)
	if made.status != "" {
		w.open += 2
	}
}

// undo forgets a change, if it was made.
func (w *walkers) undo(sid string, made *walkedChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.made[sid], made); i >= 0 {
		w.made[sid] = slices.Delete(w.made[sid], i, i+1)
		if made.status != "" {
			w.open -= 2
		}
	}
}

func newWalkedChange(before, after trust.Bundle, by trust.Actor, request string) *walkedChange {
	c := &walkedChange{request: request}
	var fields []string
	if before.FriendlyName != after.FriendlyName {
		fields = []string{"friendly_name"}
	}
	var from trust.Status
	if before.Status != after.Status {
		from, c.status = before.Status, after.Status
	}
	c.event = fmt.Sprint(request, by, from, c.status, fields)
	return c
}

// follow reads the next events by their positions, and returns how many there were.
func (w *walkers) follow() int {
	w.following.Lock()
	defer w.following.Unlock()
	next, err := w.db.EventsAfter(w.t.Context(), w.position, 1+rand.IntN(100))
	if err != nil {
		w.t.Errorf("events after %d: %v", w.position, err)
	}
	for _, e := range next {
		w.followed[e.BundleSID] = append(w.followed[e.BundleSID], e.RequestID)
		w.position = e.Position
	}
	return len(next)
}

// wantHistory wants each change of a bundle in its history once, and once among the events that were followed.
func (w *walkers) wantHistory(sid string) {
	w.t.Helper()
	history, err := w.db.History(w.t.Context(), sid, store.HistoryPage{Limit: 1 + store.MaxEvents})
	if err != nil || len(history) == 0 || history[0].Type != trust.EventCreated {
		w.t.Fatalf("the history of %s: %+v, %v", sid, history, err)
	}
	var got, made, requests []string
	for _, e := range history[1:] {
		got = append(got, fmt.Sprint(e.RequestID, e.By, e.From, e.To, e.Fields))
	}
	for _, change := range w.made[sid] {
		made, requests = append(made, change.event), append(requests, change.request)
	}
	if !slices.Equal(got, made) {
		w.t.Errorf("%s: made %v\nhistory %v", sid, made, got)
	}
	if !slices.Equal(w.followed[sid], requests) {
		w.t.Errorf("%s: made %v\nfollowed %v", sid, requests, w.followed[sid])
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
