package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/storetest"
	"github.com/opentrusthub/trusthub/internal/trust"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const accountSID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// world is a worker on a real database, with the clock and the receivers in the test's hand.
type world struct {
	t      testing.TB
	db     *store.Store
	worker *jobs.Worker
	config jobs.Config

	mu     sync.Mutex
	now    time.Time
	called []string // "SID status" of each callback that was tried
	mailed []string
	answer func(n trust.Notice) trust.Attempt // to a callback; nil delivers
}

// onEach runs a test in a world on each engine.
func onEach(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) { test(t, newWorld(t, db)) })
}

func newWorld(t testing.TB, db *store.Store) *world {
	t.Helper()
	if err := db.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: start}); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, now: start}
	w.config = jobs.Config{
		Store:   db,
		Policy:  trust.Policy{AutoReview: true, ReviewDelay: 2 * time.Second, ValidFor: time.Hour},
		Retries: jobs.StandardRetries(),
		Call:    w.call,
		Mail:    w.mail,
		Keep:    30 * 24 * time.Hour,
		Now:     w.clock,
		Random:  func() float64 { return 0.5 }, // no jitter
		Logger:  slog.New(slog.DiscardHandler),
	}
	w.worker = jobs.NewWorker(w.config)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) call(_ context.Context, n trust.Notice, authToken string) trust.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	if authToken != "token" {
		w.t.Errorf("auth token %q", authToken)
	}
	w.called = append(w.called, n.ProductSID+" "+string(n.Status))
	if w.answer != nil {
		return w.answer(n)
	}
	return trust.Attempt{Started: w.now, Verdict: trust.Delivered, Connected: true, StatusCode: 204}
}

func (w *world) mail(_ context.Context, n trust.Notice) trust.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mailed = append(w.mailed, n.ProductSID+" "+string(n.Status))
	return trust.Attempt{Started: w.now, Verdict: trust.Delivered, Connected: true, StatusCode: 250}
}

// drainAt does all that is due at a time after the start.
func (w *world) drainAt(after time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	w.now = start.Add(after)
	w.mu.Unlock()
	if err := w.worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// submit creates a product with a callback and hands it in.
func (w *world) submit(sid, email string) {
	w.t.Helper()
	p := trust.NewProduct(sid, accountSID, "RN", "Acme", email, "http://receiver.example/"+sid, w.clock())
	if err := w.db.CreateProduct(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
	w.handIn(sid)
}

func (w *world) handIn(sid string) {
	w.t.Helper()
	_, err := w.db.UpdateProduct(w.t.Context(), accountSID, sid, func(p trust.Product) (trust.Outcome, error) {
		return w.config.Policy.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, w.clock())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// callbacks returns those of a product, the oldest first.
func (w *world) callbacks(sid string) []store.Delivery {
	w.t.Helper()
	all, err := w.db.Deliveries(w.t.Context(), store.DeliveryFilter{ProductSID: sid, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(d store.Delivery) bool { return d.Notice.Channel != trust.Callback })
	slices.Reverse(all)
	return all
}

func (w *world) states(sid string) string {
	w.t.Helper()
	var states []store.State
	for _, d := range w.callbacks(sid) {
		states = append(states, d.State)
	}
	return fmt.Sprint(states)
}

func refusedConnection(trust.Notice) trust.Attempt {
	return trust.Attempt{Started: start, Verdict: trust.TryAgain, Error: "connection refused"}
}

func TestEveryChangeIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.submit("BU1", "a@b.example")
		w.submit("BU2", "a+reject-18601@b.example")
		w.drainAt(0)
		w.drainAt(2*time.Second - 1)
		want := []string{"BU1 pending-review", "BU2 pending-review", "BU1 in-review", "BU2 in-review"}
		expect(t, "before the delay is over", sorted(w.called), sorted(want))
		w.drainAt(2 * time.Second)
		want = append(want, "BU1 twilio-approved", "BU2 twilio-rejected")
		expect(t, "callbacks", sorted(w.called), sorted(want))
		expect(t, "e-mails", sorted(w.mailed), sorted(want))
		w.drainAt(2*time.Second + time.Hour)
		expect(t, "after expiry", w.called[len(w.called)-1:], []string{"BU1 twilio-rejected"})
		w.drainAt(1000 * time.Hour)
		if len(w.called) != 7 || len(w.mailed) != 7 {
			t.Errorf("%d callbacks and %d e-mails, want 7 each", len(w.called), len(w.mailed))
		}
	})
}

func TestMailOff(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.config.Mail = nil
		w.worker = jobs.NewWorker(w.config)
		w.submit("BU1", "a+hold@b.example")
		w.drainAt(0)
		all, err := w.db.Deliveries(t.Context(), store.DeliveryFilter{State: store.NotSent, Limit: 10})
		if err != nil || len(all) != 2 || all[0].Attempts[0].Error == "" {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

func TestOrderOfOneProduct(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.answer = refusedConnection
		w.submit("BU1", "a+hold@b.example")
		w.drainAt(0)
		expect(t, "while the first waits for its next attempt", w.called, []string{"BU1 pending-review"})
		if got := w.states("BU1"); got != "[ready waiting]" {
			t.Errorf("states %s", got)
		}
		if err := w.db.Drop(t.Context(), w.callbacks("BU1")[0].Notice.ID, w.clock()); err != nil {
			t.Fatal(err)
		}
		w.answer = nil
		w.drainAt(0)
		if got := w.states("BU1"); got != "[dropped delivered]" {
			t.Errorf("after the drop: states %s", got)
		}
		if err := w.db.Drop(t.Context(), w.callbacks("BU1")[1].Notice.ID, w.clock()); err == nil {
			t.Error("what was delivered could be dropped")
		}
	})
}

// TestLateWorker has a worker hang until its lease has ended and another has done the work.
func TestLateWorker(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		hanging, release := make(chan struct{}), make(chan struct{})
		config := w.config
		config.Now = func() time.Time { return start } // else it might take its own notice over, while it tells of its e-mails
		config.Call = func(ctx context.Context, n trust.Notice, authToken string) trust.Attempt {
			if n.Status != trust.PendingReview {
				return w.call(ctx, n, authToken)
			}
			close(hanging)
			<-release
			return refusedConnection(trust.Notice{})
		}
		late := jobs.NewWorker(config)
		done := make(chan error)
		w.submit("BU1", "a+hold@b.example")
		go func() { done <- late.Drain(t.Context()) }()
		<-hanging

		w.drainAt(29 * time.Second)
		expect(t, "while the lease lasts", w.called, nil)
		w.drainAt(30 * time.Second)
		expect(t, "when the lease has ended", w.called, []string{"BU1 pending-review", "BU1 in-review"})
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		first := w.callbacks("BU1")[0]
		if first.State != store.Delivered || len(first.Attempts) != 1 {
			t.Errorf("the late worker overwrote the result: %+v", first)
		}
	})
}

func TestOldNoticesAreRemoved(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.submit("BU1", "a+hold@b.example")
		w.drainAt(0)
		w.drainAt(30*24*time.Hour - time.Minute)
		if n := len(w.callbacks("BU1")); n != 2 {
			t.Errorf("%d callbacks before their time", n)
		}
		w.drainAt(31 * 24 * time.Hour)
		if n := len(w.callbacks("BU1")); n != 0 {
			t.Errorf("%d callbacks after their time", n)
		}
	})
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}
