// Package jobs does the background work of the server: it advances bundles (review steps, the end of an approval), delivers
// notices (callbacks, e-mail) and deletes old rows.
//
// All work is in rows of the store, and a restart loses none. The package guarantees:
//
//   - Committed work is done at least once, however often the process dies, and review steps exactly once.
//   - Notices of one bundle arrive in order on each channel.
//   - An account whose endpoints do not respond delays no other account, and such an endpoint no other endpoint.
//   - Mail never waits for callbacks, and a report that cannot be stored does not block others.
//   - The cost depends on what is due, not on what is open.
//
// A worker leases what it sends, so that no other worker sends it too. Leases expire by the database's clock; what is due depends
// on the worker's own clock (Config.Now).
//
// It does not know HTTP or SMTP: those are packages callback and mail.
package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	pollInterval    = 500 * time.Millisecond // for commits of other processes
	gatherTimeout   = 5 * time.Millisecond   // for attempts to end, so that they are recorded together
	gatherReports   = 32                     // are enough
	stopTimeout     = 5 * time.Second        // for attempts that are running when the server stops
	recordTimeout   = 3 * time.Second        // for recording their results
	advanceBatch    = 16                     // bundles to advance in one transaction, which others wait for on SQLite
	rescheduleBatch = 500                    // bundles to read in one query
	removeInterval  = time.Minute
	removeBatch     = 100 // rows to delete in one transaction, which others wait for
)

// Config is what a Worker needs. All fields are required but Mail, MailsPerHour, Lease and Observe.
type Config struct {
	Store   *store.Store
	Policy  trust.Policy
	Retries Retries // of callbacks; e-mail has the standard ones
	// Call makes one attempt at a callback, signed with the account's auth token.
	Call func(ctx context.Context, n trust.Notice, authToken string) trust.Attempt
	// Mail makes one attempt at an e-mail. If it is nil, messages are recorded as not sent.
	Mail func(ctx context.Context, n trust.Notice) trust.Attempt
	// MailsPerHour limits the e-mails that this worker sends for an account in an hour; others wait. 0 means no limit.
	MailsPerHour int
	// Lease is how long only this worker may send a leased notice. If the process dies, another worker sends it after that. An
	// attempt is canceled after five sixths of it. 0 means DefaultLease.
	Lease  time.Duration
	Keep   time.Duration    // how long ended notices, and the histories of deleted bundles, are kept
	Now    func() time.Time // the clock
	Random func() float64   // in [0, 1), spreads retries
	Logger *slog.Logger
	// Observe, if set, is called with the result of each attempt, before it is recorded. The worker waits for it.
	Observe func(store.Report)
}

// Worker does what is due. Any number of workers, in any number of processes, can work on one database.
type Worker struct {
	Config
	results    chan store.Report
	unrecorded []store.Report
	slots      map[trust.Channel]*slots
	cursors    map[store.Line]string // the last endpoint that was read, for accounts that are far behind
	behind     bool                  // more was due the last time than a cycle reads
	stopWithin time.Duration
	removed    time.Time // when old rows were last removed
	latest     time.Time // time seen, to detect that the clock was set back

	// Attempts run in a context of their own, because they outlive the call that begins them: who gives up on Drain cancels none.
	attempts context.Context
	cutOff   context.CancelFunc // ends attempts

	turn     chan struct{} // holds a value while Run or a call of Exclusively uses the fields above
	handover chan struct{} // on which Run hands its turn over
}

// NewWorker returns a worker. It does nothing before Run or Drain.
func NewWorker(c Config) *Worker {
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	if c.Mail == nil {
		c.MailsPerHour = 0 // none is sent
	}
	w := &Worker{
		Config:  c,
		results: make(chan store.Report, maxCalling+maxMailing), // never blocks a sender
		slots: map[trust.Channel]*slots{
			trust.Callback: newSlots(maxCalling, 0), trust.Email: newSlots(maxMailing, c.MailsPerHour),
		},
		cursors:    map[store.Line]string{},
		stopWithin: stopTimeout,
		turn:       make(chan struct{}, 1),
		handover:   make(chan struct{}),
	}
	w.attempts, w.cutOff = context.WithCancel(context.Background())
	return w
}

// Run works until ctx ends. Attempts that are running then get a few seconds to end and are recorded. The others are returned to
// the queue, for another worker or the next start.
func (w *Worker) Run(ctx context.Context) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.stop(ctx)
			return
		case w.handover <- struct{}{}:
			w.turn <- struct{}{} // once the other has ended its turn
		case report := <-w.results:
			w.finish(report)
		case <-w.Store.Woken():
		case <-timer.C:
		}
		w.gather(ctx)
		next, _, err := w.cycle(ctx)
		if err != nil && ctx.Err() == nil {
			w.Logger.Error("background work waits for the database", "cause", err.Error())
		}
		timer.Reset(w.pause(next))
	}
}

// gather waits until half of the running attempts have ended, or gatherReports, but not for long. A cycle costs several
// statements, however few notices it records and leases.
func (w *Worker) gather(ctx context.Context) {
	ending := min((w.sending()+1)/2, gatherReports)
	if ending == 0 {
		return
	}
	timer := time.NewTimer(gatherTimeout)
	defer timer.Stop()
	for range ending {
		select {
		case report := <-w.results:
			w.finish(report)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// pause returns how long to wait unless the worker is woken.
func (w *Worker) pause(next time.Time) time.Duration {
	if next.IsZero() {
		return pollInterval
	}
	return min(max(next.Sub(w.Now()), 0), pollInterval)
}

// Drain does all that is due at Now, and all that becomes due by that, and returns when nothing is left or running. With a fake
// clock, days pass in an instant. If ctx ends first, Drain returns its error, and attempts go on: Run or the next Drain records
// them.
func (w *Worker) Drain(ctx context.Context) error {
	return w.Exclusively(ctx, func(drain func() error) error { return drain() })
}

// Exclusively calls fn while nothing else uses the worker: Run pauses between two steps, and other calls wait. drain is Drain
// within fn. fn must call neither Drain nor Exclusively.
func (w *Worker) Exclusively(ctx context.Context, fn func(drain func() error) error) error {
	select {
	case w.turn <- struct{}{}: // Run is not running, or has just handed its turn to another
	case <-w.handover:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.turn }()
	return fn(func() error { return w.drain(ctx) })
}

func (w *Worker) drain(ctx context.Context) error {
	for {
		_, busy, err := w.cycle(ctx)
		switch {
		case err != nil:
			return err
		case w.sending() == 0 && !busy:
			return nil
		case w.sending() == 0:
			continue
		}
		select {
		case report := <-w.results:
			w.finish(report)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cycle advances bundles, then records the last attempts and sends what is due, then deletes what is old. If one of these fails,
// it does the others all the same. It returns when something will be due, and whether it found anything to do.
func (w *Worker) cycle(ctx context.Context) (next time.Time, busy bool, err error) {
	advanced, advanceErr := w.advanceDue(ctx)
	for len(w.results) > 0 {
		w.finish(<-w.results)
	}
	now := w.Now()
	delivered, deliverErr := w.deliver(ctx, now)
	removed, removeErr := w.removeOld(ctx, now)
	if err := errors.Join(advanceErr, deliverErr, removeErr); err != nil {
		return time.Time{}, false, err
	}
	if advanced || delivered || removed {
		return now, true, nil
	}
	next, err = w.Next(ctx, now)
	return next, false, err
}

// advanceDue advances a batch of bundles, and reports whether there was one.
func (w *Worker) advanceDue(ctx context.Context) (bool, error) {
	if err := w.reschedule(ctx); err != nil {
		return false, fmt.Errorf("reschedule reviews: %w", err)
	}
	now := w.Now()
	due, err := w.Store.NextAdvance(ctx)
	if err == nil && (due.IsZero() || due.After(now)) {
		return false, nil // as in most cycles: no transaction
	}
	var advanced int
	if err == nil {
		advanced, err = w.Store.AdvanceBundles(ctx, now, advanceBatch, w.advance)
	}
	if err != nil {
		return false, fmt.Errorf("advance bundles: %w", err)
	}
	return advanced > 0, nil
}

// Next returns when something will be due after now, or the zero time if nothing will.
func (w *Worker) Next(ctx context.Context, now time.Time) (time.Time, error) {
	step, err := w.Store.NextAdvance(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next review step: %w", err)
	}
	notice, err := w.Store.NextDue(ctx, now)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next notice: %w", err)
	}
	if step.IsZero() || (!notice.IsZero() && notice.Before(step)) {
		return notice, nil
	}
	return step, nil
}

// reschedule corrects, after the start and whenever the clock was set back, reviews and notices that are due too late.
func (w *Worker) reschedule(ctx context.Context) error {
	now := w.Now().Round(0) // without the monotonic clock, which is never set back
	if !w.latest.IsZero() && !now.Before(w.latest) {
		w.latest = now
		return nil
	}
	if err := w.Store.FirstAttemptsNow(ctx, now); err != nil {
		return err
	}
	anew := func(p trust.Bundle) (trust.Outcome, error) { return w.Policy.Reschedule(p, now), nil }
	for after := ""; ; {
		bundles, err := w.Store.ScheduledReviews(ctx, now, after, rescheduleBatch)
		if err != nil {
			return err
		}
		for _, p := range bundles {
			after = p.SID
			if !w.Policy.Reschedule(p, now).Changed {
				continue
			}
			if _, err := w.Store.ReviewBundle(ctx, p.SID, anew); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if len(bundles) < rescheduleBatch {
			w.latest = now
			return nil
		}
	}
}

// advance is Policy.Advance. A bundle that cannot be advanced gets no due time, so that it does not block the others.
func (w *Worker) advance(p trust.Bundle) (trust.Outcome, error) {
	outcome, err := w.Policy.Advance(p, w.Now())
	if err != nil {
		w.Logger.Error("a bundle's status cannot change by itself", "bundle_sid", p.SID, "cause", err.Error())
		p.Due = time.Time{}
		return trust.Outcome{Bundle: p, Changed: true}, nil
	}
	return outcome, nil
}

// removeOld deletes a batch of the notices, idempotency keys and histories that have been kept long enough, and reports whether
// there may be more. It does so every removeInterval; if there are many, each cycle deletes some, so that other work goes on.
func (w *Worker) removeOld(ctx context.Context, now time.Time) (more bool, err error) {
	if now.Sub(w.removed) < removeInterval {
		return false, nil
	}
	notices, err := w.Store.RemoveEnded(ctx, now.Add(-w.Keep), removeBatch)
	if err != nil {
		return false, fmt.Errorf("remove old notices: %w", err)
	}
	keys, err := w.Store.RemoveKeys(ctx, now.Add(-store.KeyLife), removeBatch)
	if err != nil {
		return false, fmt.Errorf("remove old idempotency keys: %w", err)
	}
	events, err := w.Store.RemoveHistories(ctx, now.Add(-w.Keep), removeBatch)
	if err != nil {
		return false, fmt.Errorf("remove the histories of deleted bundles: %w", err)
	}
	if notices == removeBatch || keys == removeBatch || events >= removeBatch {
		return true, nil
	}
	w.removed = now
	return false, nil
}

// stop waits for running attempts, cancels those that take too long, and records all of them. A notice whose report cannot be
// recorded is sent again when its lease expires.
func (w *Worker) stop(ctx context.Context) {
	timer := time.AfterFunc(w.stopWithin, w.cutOff)
	for w.sending() > 0 {
		w.finish(<-w.results)
	}
	timer.Stop()
	w.cutOff()
	w.attempts, w.cutOff = context.WithCancel(context.Background()) // for Drain, which may be called after Run
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if _, _, err := w.recordAndLease(ctx, nil, w.Now()); err != nil {
		w.Logger.Error("the last deliveries are not recorded and will be repeated", "cause", err.Error())
	}
}
