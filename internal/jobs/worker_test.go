package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
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
	w.called = append(w.called, n.BundleSID+" "+string(n.Status))
	if w.answer != nil {
		return w.answer(n)
	}
	return trust.Attempt{Started: w.now, Verdict: trust.Delivered, Connected: true, StatusCode: 204}
}

func (w *world) mail(_ context.Context, n trust.Notice) trust.Attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mailed = append(w.mailed, n.BundleSID+" "+string(n.Status))
	return trust.Attempt{Started: w.now, Verdict: trust.Delivered, Connected: true, StatusCode: 250}
}

// setClock makes it a time after the start.
func (w *world) setClock(after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = start.Add(after)
}

// drainAt does all that is due at a time after the start.
func (w *world) drainAt(after time.Duration) {
	w.t.Helper()
	w.setClock(after)
	if err := w.worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// submit creates a bundle with a callback and hands it in.
func (w *world) submit(sid, email string) {
	w.t.Helper()
	w.create(sid, email, "http://receiver.example/"+sid)
	w.handIn(sid)
}

func (w *world) create(sid, email, statusCallback string) {
	w.t.Helper()
	p := trust.NewBundle(trust.TrustProduct, sid, accountSID, "RN", "Acme", email, statusCallback, w.clock())
	if err := w.db.Bundles.Create(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) handIn(sid string) {
	w.t.Helper()
	_, err := w.db.UpdateBundle(w.t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), sid, func(p trust.Bundle) (trust.Outcome, error) {
		return w.config.Policy.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, w.clock())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// callbacks returns those of a bundle, the oldest first.
func (w *world) callbacks(sid string) []store.Delivery {
	w.t.Helper()
	all, err := w.db.Deliveries(w.t.Context(), store.DeliveryFilter{BundleSID: sid, Limit: 100})
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
		w.config.Mail, w.config.MailsPerHour = nil, 1 // which counts what is sent
		w.worker = jobs.NewWorker(w.config)
		w.submit("BU1", "a+hold@b.example")
		w.drainAt(0)
		all, err := w.db.Deliveries(t.Context(), store.DeliveryFilter{State: store.NotSent, Limit: 10})
		if err != nil || len(all) != 2 || all[0].Attempts[0].Error == "" {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

// TestObserve has a callback fail once: each attempt is observed, with the state that it leads to.
func TestObserve(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var observed []string
		w.config.Observe = func(r store.Report) {
			n := r.Lease.Notice
			observed = append(observed, fmt.Sprint(n.Channel, " ", n.Status, " ", r.Lease.Tries, " ", r.Attempt.Verdict, " ", r.State))
		}
		w.worker = jobs.NewWorker(w.config)
		w.answer = refusedConnection
		w.submit("BU1", "a+hold@b.example")
		w.drainAt(0)
		w.answer = nil
		w.drainAt(time.Hour)
		expect(t, "observed", sorted(observed), []string{
			"callback in-review 0 delivered delivered",
			"callback pending-review 0 try-again ready",
			"callback pending-review 1 delivered delivered",
			"email in-review 0 delivered delivered",
			"email pending-review 0 delivered delivered",
		})
	})
}

func TestOrderOfOneBundle(t *testing.T) {
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

// TestOldKeysAreRemoved wants all to go that are due, however many there are, and not only some in each round.
func TestOldKeysAreRemoved(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		const count = 1001
		w.storeKeys(count, start)
		w.drainAt(store.KeyLife - time.Hour)
		w.drainAt(store.KeyLife + time.Hour)
		if left, err := w.db.RemoveKeys(t.Context(), w.clock(), count); left != 0 || err != nil {
			t.Errorf("%d keys are left, %v", left, err)
		}
	})
}

// storeKeys makes bundles with idempotency keys of their own.
func (w *world) storeKeys(count int, created time.Time) {
	w.t.Helper()
	var group errgroup.Group
	group.SetLimit(64)
	for i := range count {
		group.Go(func() error {
			p := trust.NewBundle(trust.TrustProduct, fmt.Sprintf("BUkey%d", i), accountSID, "RN", "Acme", "a@b.example", "", created)
			_, err := w.db.Bundles.CreateOnce(w.t.Context(), store.Request{
				AccountSID: p.AccountSID, Key: fmt.Sprint(i), At: p.Created,
			}, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

// TestClockSetBack sets the clock back by an hour during reviews: they go on after their delay, counted from then.
func TestClockSetBack(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.submit("BU1", "a@b.example")
		w.drainAt(0)
		w.submit("BU2", "a@b.example") // not taken into review yet
		w.submit("BU3", "a+slow@b.example")
		w.drainAt(-time.Hour)
		w.drainAt(-time.Hour + 2*time.Second - 1)
		expect(t, "mails before the delay is over", mailsOf(w, trust.TwilioApproved), nil)
		w.drainAt(-time.Hour + 2*time.Second)
		expect(t, "mails after it", mailsOf(w, trust.TwilioApproved), []string{"BU1", "BU2"})
		w.drainAt(-time.Hour + 20*time.Second)
		expect(t, "mails after ten times the delay", mailsOf(w, trust.TwilioApproved), []string{"BU1", "BU2", "BU3"})
	})
}

// mailsOf returns the bundles of which a mail has told that they have the status.
func mailsOf(w *world, status trust.Status) []string {
	var sids []string
	for _, mailed := range w.mailed {
		if sid, told, _ := strings.Cut(mailed, " "); told == string(status) {
			sids = append(sids, sid)
		}
	}
	return sorted(sids)
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}
