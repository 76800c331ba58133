// Package jobs does what the server does by itself: it lets time act on products (review steps, the end of an approval),
// delivers notices (callbacks, e-mail) and removes old ones.
//
// All of it is rows of the store. The package guarantees that what a commit promised is done at least once, however often
// the process dies, and exactly once for review steps; that notices of one product arrive in order on each channel; and
// that an endpoint which does not answer holds up no other. It keeps nothing in memory that a restart would miss.
//
// It does not know HTTP or SMTP: those are packages callback and mail.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	maxSending     = 512                    // notices on their way at a time, in this process
	perEndpoint    = 64                     // of those, to one endpoint
	perSilent      = 4                      // to one that did not answer the last time
	leaseTime      = 30 * time.Second       // after that another worker may take a notice over
	sendTimeout    = 25 * time.Second       // bounds an attempt, whatever the sender does; less than leaseTime
	pollInterval   = 500 * time.Millisecond // to see what other processes have committed
	stopTimeout    = 5 * time.Second        // for what is on its way when the server stops
	elapseBatch    = 64                     // products to let time act on in one transaction
	removeInterval = time.Hour
	removeBatch    = 500
)

// Config is what a Worker needs. All fields are required but Mail.
type Config struct {
	Store   *store.Store
	Policy  trust.Policy
	Retries Retries // of callbacks; e-mail has the standard ones
	// Call makes one attempt at a callback, signed with the account's auth token.
	Call func(ctx context.Context, n trust.Notice, authToken string) trust.Attempt
	// Mail makes one attempt at an e-mail. Nil: mail is off, and messages are recorded as not sent.
	Mail   func(ctx context.Context, n trust.Notice) trust.Attempt
	Keep   time.Duration    // how long ended notices are kept
	Now    func() time.Time // the clock
	Random func() float64   // in [0, 1), spreads retries
	Logger *slog.Logger
}

// Worker does what is due. Any number may work on one database, in any number of processes.
type Worker struct {
	Config
	results    chan store.Report
	unrecorded []store.Report
	sending    int
	byEndpoint map[string]int
	silent     map[string]bool // endpoints that did not answer the last time
	removed    time.Time       // when old rows were last removed
}

// NewWorker returns a worker that has not begun.
func NewWorker(c Config) *Worker {
	return &Worker{
		Config:     c,
		results:    make(chan store.Report, maxSending), // never blocks a sender
		byEndpoint: map[string]int{},
		silent:     map[string]bool{},
	}
}

// Run works until ctx ends. What is on its way then gets a few seconds, and is recorded.
func (w *Worker) Run(ctx context.Context) {
	sendCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.stop(sendCtx, cancel)
			return
		case report := <-w.results:
			w.landed(report)
		case <-w.Store.Woken():
		case <-timer.C:
		}
		next, _, err := w.cycle(ctx, sendCtx)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("jobs wait for the database", "cause", err.Error())
		}
		timer.Reset(w.pause(next))
	}
}

// pause is how long to wait where nobody wakes the worker.
func (w *Worker) pause(next time.Time) time.Duration {
	if next.IsZero() {
		return pollInterval
	}
	return min(max(next.Sub(w.Now()), 0), pollInterval)
}

// Drain does all that is due at Now, and what that makes due, and returns when nothing is left and nothing on its way. With
// a clock in the caller's hand this makes days pass in an instant. It must not run beside Run.
func (w *Worker) Drain(ctx context.Context) error {
	for {
		_, busy, err := w.cycle(ctx, ctx)
		if err != nil {
			return err
		}
		if w.sending > 0 {
			w.landed(<-w.results)
		} else if !busy {
			return nil
		}
	}
}

// cycle does one round: products that time acts on, then what came of the last attempts and what to send now, in one
// transaction. It returns when something will be due, and whether it found anything to do.
func (w *Worker) cycle(ctx, sendCtx context.Context) (next time.Time, busy bool, err error) {
	elapsed, err := w.Store.ElapseProducts(ctx, w.Now(), elapseBatch, w.elapse)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("let time act on products: %w", err)
	}
	for len(w.results) > 0 {
		w.landed(<-w.results)
	}
	now := w.Now()
	leases, next, err := w.Store.Exchange(ctx, w.unrecorded, w.room(), now, now.Add(leaseTime))
	if err != nil {
		return time.Time{}, false, fmt.Errorf("exchange reports for leases: %w", err)
	}
	busy = elapsed > 0 || len(w.unrecorded) > 0 || len(leases) > 0
	w.unrecorded = nil
	for _, lease := range leases {
		w.send(sendCtx, lease)
	}
	if err := w.removeOld(ctx, now); err != nil {
		return time.Time{}, false, err
	}
	due, err := w.Store.NextElapse(ctx)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next review step: %w", err)
	}
	if next.IsZero() || (!due.IsZero() && due.Before(next)) {
		next = due
	}
	return next, busy, nil
}

// elapse keeps a product that cannot go on from holding up all others.
func (w *Worker) elapse(p trust.Product) (trust.Outcome, error) {
	outcome, err := w.Policy.Elapse(p, w.Now())
	if err != nil {
		w.Logger.Error("a product's status cannot change by itself", "product_sid", p.SID, "cause", err.Error())
		p.Due = time.Time{}
		return trust.Outcome{Product: p, Changed: true}, nil
	}
	return outcome, nil
}

// room says how many more notices of an endpoint may be sent now. It is asked once for each endpoint, and counts what it
// grants.
func (w *Worker) room() func(endpoint string) int {
	free := maxSending - w.sending
	return func(endpoint string) int {
		limit := perEndpoint
		if w.silent[endpoint] {
			limit = perSilent
		}
		granted := max(0, min(limit-w.byEndpoint[endpoint], free))
		free -= granted
		return granted
	}
}

// send makes the attempt in the background. The report comes through w.results.
func (w *Worker) send(ctx context.Context, lease store.Lease) {
	w.sending++
	w.byEndpoint[lease.Endpoint]++
	go func() {
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		defer cancel()
		w.results <- store.Report{Lease: lease, Attempt: w.attempt(ctx, lease)}
	}()
}

func (w *Worker) attempt(ctx context.Context, lease store.Lease) trust.Attempt {
	switch {
	case lease.Notice.Channel == trust.Callback:
		return w.Call(ctx, lease.Notice, lease.AuthToken)
	case w.Mail != nil:
		return w.Mail(ctx, lease.Notice)
	}
	return trust.Attempt{Started: w.Now(), Verdict: trust.NotSent, Error: "mail is off: the server was started without --smtp"}
}

// landed takes note of an attempt that has ended, to be recorded in the next cycle.
func (w *Worker) landed(r store.Report) {
	w.sending--
	if w.byEndpoint[r.Lease.Endpoint]--; w.byEndpoint[r.Lease.Endpoint] == 0 {
		delete(w.byEndpoint, r.Lease.Endpoint)
	}
	if r.Attempt.Verdict == trust.TryAgain && r.Attempt.StatusCode == 0 {
		w.silent[r.Lease.Endpoint] = true
	} else {
		delete(w.silent, r.Lease.Endpoint)
	}
	w.unrecorded = append(w.unrecorded, w.judge(r))
}

// judge decides what becomes of a notice after an attempt.
func (w *Worker) judge(r store.Report) store.Report {
	retries := StandardRetries()
	if r.Lease.Notice.Channel == trust.Callback {
		retries = w.Retries
	}
	tries := r.Lease.Tries + 1
	delay, again := retries.next(tries, r.Attempt, w.Random())
	switch {
	case again:
		r.State, r.Due = store.Ready, w.Now().Add(delay)
	case r.Attempt.Verdict == trust.Delivered:
		r.State = store.Delivered
	case r.Attempt.Verdict == trust.NotSent:
		r.State = store.NotSent
	default:
		r.State = store.Dead
	}
	level := slog.LevelInfo
	if r.State == store.Dead {
		level = slog.LevelWarn
	}
	// The target is not logged: an address is personal, a URL can hold a secret.
	n := r.Lease.Notice
	w.Logger.Log(context.Background(), level, "notice",
		"notice_id", n.ID, "channel", n.Channel, "product_sid", n.ProductSID, "status", n.Status,
		"attempt", tries, "status_code", r.Attempt.StatusCode, "state", r.State, "error", r.Attempt.Error)
	return r
}

// removeOld removes notices and idempotency keys that have been kept long enough, a batch in each cycle until none is left.
func (w *Worker) removeOld(ctx context.Context, now time.Time) error {
	if now.Sub(w.removed) < removeInterval {
		return nil
	}
	removed, err := w.Store.RemoveEnded(ctx, now.Add(-w.Keep), removeBatch)
	if err != nil {
		return fmt.Errorf("remove old notices: %w", err)
	}
	keys, err := w.Store.RemoveKeys(ctx, now.Add(-store.KeyLife), removeBatch)
	if err != nil {
		return fmt.Errorf("remove old idempotency keys: %w", err)
	}
	if removed < removeBatch && keys < removeBatch {
		w.removed = now
	}
	return nil
}

// stop waits for what is on its way, cuts off what takes too long, and records all of it. Whatever cannot be recorded is
// sent again when its lease ends.
func (w *Worker) stop(ctx context.Context, cutOff context.CancelFunc) {
	timer := time.AfterFunc(stopTimeout, cutOff)
	defer timer.Stop()
	for w.sending > 0 {
		w.landed(<-w.results)
	}
	none := func(string) int { return 0 }
	_, _, err := w.Store.Exchange(context.WithoutCancel(ctx), w.unrecorded, none, w.Now(), w.Now())
	if err != nil && !errors.Is(err, context.Canceled) {
		w.Logger.Error("the last deliveries are not recorded and will be repeated", "cause", err.Error())
	}
}
