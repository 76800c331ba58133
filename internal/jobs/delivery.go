package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/opentrusthub/trusthub/internal/panics"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// DefaultLease is the default of Config.Lease.
const DefaultLease = 30 * time.Second

// sendTimeout limits an attempt. It ends before the lease, with time to report the result.
func (w *Worker) sendTimeout() time.Duration { return w.Lease / 6 * 5 }

// deliver records the results of the last attempts, and sends what is due as far as there are slots. It reports whether there may
// be more to do.
func (w *Worker) deliver(ctx context.Context, now time.Time) (more bool, err error) {
	if err := w.Store.EndLeases(ctx); err != nil {
		return false, err
	}
	grants, err := w.choose(ctx, now)
	if err != nil {
		return false, fmt.Errorf("look for what is due: %w", err)
	}
	if len(grants) == 0 && len(w.unrecorded) == 0 {
		return false, nil
	}
	leases, more, err := w.recordAndLease(ctx, grants, now)
	if err != nil {
		return false, fmt.Errorf("record reports and lease notices: %w", err)
	}
	for _, lease := range leases {
		w.send(lease)
	}
	return more || len(leases) > 0, nil
}

// recordAndLease records the results of the last attempts and leases what was granted.
func (w *Worker) recordAndLease(
	ctx context.Context, grants []store.Grant, now time.Time,
) (leases []store.Lease, more bool, err error) {
	leases, more, err = w.Store.RecordAndLease(ctx, w.unrecorded, grants, now, w.Lease)
	switch {
	case err == nil:
		w.unrecorded = nil
	case lasting(ctx, err) && len(w.unrecorded) > 0:
		return nil, true, w.recordEach(ctx, now) // and the next cycle leases
	}
	return leases, more, err
}

// sending returns how many notices are being sent.
func (w *Worker) sending() int { return w.slots[trust.Callback].inUse + w.slots[trust.Email].inUse }

// lasting reports whether a retry would fail with the same error.
func lasting(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable)
}

// recordEach records the reports one by one, so that one that cannot be stored does not block the others.
func (w *Worker) recordEach(ctx context.Context, now time.Time) error {
	for len(w.unrecorded) > 0 {
		if err := w.recordAlone(ctx, w.unrecorded[0], now); err != nil {
			return fmt.Errorf("record an attempt: %w", err)
		}
		w.unrecorded = w.unrecorded[1:]
	}
	return nil
}

// recordAlone stores as much of a report as it can: all of it, or without its texts, or only the notice's final state. It returns
// an error only if a retry may succeed.
func (w *Worker) recordAlone(ctx context.Context, r store.Report, now time.Time) error {
	textless := r
	if r.Attempt.Verdict != "" {
		textless.Attempt.Answer, textless.Attempt.Error = "", "the result could not be stored; see the server's log"
	}
	givenUp := store.Report{Lease: r.Lease, State: store.Dead}
	for _, form := range []store.Report{r, textless, givenUp} {
		err := w.Store.Record(ctx, form, now)
		if !lasting(ctx, err) {
			return err
		}
		w.Logger.Error("a report on a notice cannot be stored as it is", "notice_id", r.Lease.Notice.ID, "cause", err.Error())
	}
	w.Logger.Error("no report on a notice can be stored; it is sent again when its lease ends", "notice_id", r.Lease.Notice.ID)
	return nil
}

// send makes the attempt in the background and sends the report to w.results. When the worker cuts off its attempts, one without
// a response is canceled and does not count.
func (w *Worker) send(lease store.Lease) {
	ctx := w.attempts
	w.slots[lease.Queue.Channel].acquire(lease.Queue)
	go func() {
		report := store.Report{Lease: lease, Attempt: w.attempt(ctx, lease)}
		if ctx.Err() != nil && !conclusive(report.Attempt) {
			report = store.Report{Lease: lease, State: store.Ready}
		}
		w.results <- report
	}()
}

// conclusive reports whether the receiver has responded.
func conclusive(a trust.Attempt) bool { return a.Verdict != trust.TryAgain || a.StatusCode != 0 }

func (w *Worker) attempt(ctx context.Context, lease store.Lease) (attempt trust.Attempt) {
	started := w.Now()
	ctx, cancel := context.WithTimeout(ctx, w.sendTimeout())
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			n := lease.Notice
			w.Logger.Error("sending a notice failed", "notice_id", n.ID, "channel", n.Channel, "cause", panics.Error(v).Error())
			attempt = trust.Attempt{
				Started: started, Duration: w.Now().Sub(started), Verdict: trust.TryAgain,
				Error: "the server failed to send it; see its log",
			}
		}
	}()
	switch {
	case lease.Notice.Channel == trust.Callback && lease.TokenErr != nil: // it cannot be signed
		return trust.Attempt{Started: started, Verdict: trust.TryAgain, Error: lease.TokenErr.Error()}
	case lease.Notice.Channel == trust.Callback:
		return w.Call(ctx, lease.Notice, lease.AuthToken)
	case w.Mail != nil:
		return w.Mail(ctx, lease.Notice)
	}
	return trust.Attempt{Started: started, Verdict: trust.NotSent, Error: "mail is off: the server was started without --smtp"}
}

// finish handles the end of an attempt, which the next cycle records.
func (w *Worker) finish(r store.Report) {
	slots := w.slots[r.Lease.Queue.Channel]
	slots.release(r.Lease.Queue)
	if r.Attempt.Verdict == "" {
		w.Logger.Info("notice given back, because the server stops", "notice_id", r.Lease.Notice.ID)
	} else {
		slots.note(r.Lease.Queue, r.Attempt)
		r = w.judge(r)
		if w.Observe != nil {
			w.Observe(r)
		}
	}
	w.unrecorded = append(w.unrecorded, r)
}

// judge sets the state of a notice after an attempt.
func (w *Worker) judge(r store.Report) store.Report {
	retries := StandardRetries()
	if r.Lease.Notice.Channel == trust.Callback && r.Lease.TokenErr == nil { // otherwise the receiver was not called
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
		"notice_id", n.ID, "channel", n.Channel, "bundle_sid", n.BundleSID, "status", n.Status,
		"attempt", tries, "status_code", r.Attempt.StatusCode, "state", r.State, "error", r.Attempt.Error)
	return r
}
