package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	callbackGoal   = 2000
	preparers      = 256 // goroutines that submit products beforehand
	receptionParts = 12  // the slowest shows whether the speed is sustained
)

// callbacks is figure 6: one worker sends callbacks for many submitted products to a local receiver, while clients create
// products over HTTP. Each change also has an e-mail, which the worker records as not sent because mail is off.
func (b *bench) callbacks(ctx context.Context) (_ []row, err error) {
	s, err := serveDatabase(ctx, b.path("callbacks.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	receiver, err := receive(ctx, b.Callbacks)
	if err != nil {
		return nil, err
	}
	defer receiver.halt()
	if err := b.submit(ctx, s.Store(), "http://"+receiver.address+"/status"); err != nil {
		return nil, err
	}

	b.say("%s callbacks, with creates going on", thousands(b.Callbacks))
	var created loaded
	loading, stop := context.WithCancel(ctx)
	defer stop()
	group, loading := errgroup.WithContext(loading)
	group.Go(func() (err error) {
		created, err = creates(s.address, b.Creators).while(ctx, func(int) bool { return loading.Err() == nil })
		return err
	})
	start := time.Now()
	s.work(ctx)
	select {
	case <-receiver.done:
	case <-loading.Done(): // the creates have failed, or the bench was interrupted
	}
	stop()
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return nil, err
	}
	whole, slowest := receiver.speed(start)
	return []row{{
		number: "6",
		what:   fmt.Sprintf("%s callbacks to one receiver, creates at %d connections", thousands(b.Callbacks), b.Creators),
		reached: fmt.Sprintf("%s/s (slowest twelfth %s/s), %s creates/s", thousands(whole), thousands(slowest),
			thousands(created.perSecond())),
		goal: "at least " + thousands(callbackGoal) + "/s", verdict: judge(min(whole, slowest) >= callbackGoal),
	}}, nil
}

// submit creates and submits products, so that each has a callback to send.
func (b *bench) submit(ctx context.Context, db *store.Store, url string) error {
	step := b.progress("products to be submitted", b.Callbacks)
	var number atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range preparers {
		group.Go(func() error {
			for number.Add(1) <= int64(b.Callbacks) {
				now := time.Now()
				sid := trust.NewSID(trust.BundlePrefix, now)
				p := trust.NewBundle(trust.TrustProduct, sid, accountSID, policySID, "Acme", email, url, now)
				if err := db.Bundles.Create(ctx, p); err != nil {
					return err
				}
				of := store.BundlesOf(accountSID, trust.TrustProduct)
				_, err := db.UpdateBundle(ctx, of, sid, func(p trust.Bundle) (trust.Outcome, error) {
					return policy().Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, now)
				})
				if err != nil {
					return err
				}
				step()
			}
			return nil
		})
	}
	return group.Wait()
}

// receiver is the customer's receiver of callbacks.
type receiver struct {
	process
	expected int
	done     chan struct{} // closed when all have arrived

	mu      sync.Mutex
	arrived int
	marks   []time.Time // when each twelfth had arrived
}

func receive(ctx context.Context, expected int) (*receiver, error) {
	r := &receiver{expected: expected, done: make(chan struct{})}
	return r, r.listen(ctx, r)
}

// ServeHTTP receives a callback.
func (r *receiver) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived++
	if r.arrived*receptionParts/r.expected > len(r.marks) {
		r.marks = append(r.marks, time.Now())
	}
	if r.arrived == r.expected {
		close(r.done)
	}
}

// speed returns the callbacks per second, overall and in the slowest part.
func (r *receiver) speed(start time.Time) (whole, slowest float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	whole = float64(r.expected) / r.marks[len(r.marks)-1].Sub(start).Seconds()
	slowest = whole
	for _, mark := range r.marks {
		slowest = min(slowest, float64(r.expected)/receptionParts/mark.Sub(start).Seconds())
		start = mark
	}
	return whole, slowest
}
