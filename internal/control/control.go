// Package control is what a test can do to the server that it calls: move the clock, make requests fail, wait until all that is
// due is done, and start again with empty tables or with the seed.
//
// Package apitest is built on it, and so is `serve --test`. A Control is part of app.Config.
//
// # What it guarantees
//
//   - What becomes due while Advance moves the clock happens at its time and in its order, whether or not the worker runs.
//   - Reset is atomic for requests and for the worker: each sees everything or nothing of what was there before.
//   - All methods may be called concurrently.
//
// # What it does not do
//
// It is for tests only: nobody may reach it on a server whose data matters. It knows one process: another server on the same
// database has its own clock and faults, and sees a Reset like any other change.
package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
)

// The errors of Advance.
var (
	ErrBackward = errors.New("the clock cannot be moved back")
	ErrTooFar   = errors.New("the clock cannot be moved beyond the year 8999")
)

// maxTime keeps times, and what is scheduled after them, within what JSON and the database can represent.
func maxTime() time.Time { return time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Control controls a server. Its methods other than Handler need a server that was made with it: see Attach.
type Control struct {
	Clock  *Clock
	Faults *Faults

	seed     func(context.Context) error
	requests *semaphore.Weighted // each request that passes Gate has 1 of it while it is performed, Reset has all
	store    *store.Store
	worker   *jobs.Worker
	log      *requestlog.Log // nil if the server keeps none
}

// New returns a control with a clock of its own. seed stores what the server starts with; nil means nothing.
func New(clock *Clock, seed func(context.Context) error) *Control {
	return &Control{Clock: clock, Faults: &Faults{}, seed: seed, requests: semaphore.NewWeighted(math.MaxInt64)}
}

// Attach gives the control what it needs of its server, which may have no log of requests. app.New calls it.
func (c *Control) Attach(s *store.Store, w *jobs.Worker, log *requestlog.Log) {
	c.store, c.worker, c.log = s, w, log
}

// Handler returns a handler in front of the API of customers, which is next: Gate, the faults, and the clock of creates.
func (c *Control) Handler(next http.Handler) http.Handler {
	return c.Faults.handler(c.Gate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isOperation(r) && isCreate(r) {
			c.Clock.tick()
		}
		next.ServeHTTP(w, r)
	})))
}

// Gate returns a handler in front of an API, which is next: a Reset and the requests for its operations wait for each other. The
// operations of test mode do not wait, because Reset is one of them, and because others wait for the worker. Streams do not wait,
// because they do not end.
func (c *Control) Gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operators := strings.HasPrefix(r.URL.Path, api.OperatorPath) && !strings.HasPrefix(r.URL.Path, api.OperatorTestPath)
		if !isOperation(r) && (!operators || api.IsStream(r)) {
			next.ServeHTTP(w, r)
			return
		}
		if c.requests.Acquire(r.Context(), 1) != nil {
			panic(http.ErrAbortHandler) // the caller has disconnected
		}
		defer c.requests.Release(1)
		next.ServeHTTP(w, r)
	})
}

// isOperation reports whether a request is for an operation of customers: preflight requests, /healthz and the like are not.
func isOperation(r *http.Request) bool {
	return r.Method != http.MethodOptions && strings.HasPrefix(r.URL.Path, "/v1/")
}

// Advance moves the clock by d. Whatever becomes due on the way (steps of the automatic review, callbacks and their retries,
// e-mail, the end of approvals) happens at its time and in its order, and is done when Advance returns. The clock moves from one
// of these times to the next; if it was running, it runs on from the end. If ctx ends first, Advance returns its error and leaves
// the clock at the time that it has reached. Other errors are ErrBackward, ErrTooFar and those of the database.
func (c *Control) Advance(ctx context.Context, d time.Duration) error {
	if d < 0 {
		return ErrBackward
	}
	return c.worker.Exclusively(ctx, func(drain func() error) error {
		c.Clock.hold()
		defer c.Clock.release()
		end := c.Clock.Now().Add(d)
		if end.After(maxTime()) {
			return ErrTooFar
		}
		for {
			if err := drain(); err != nil {
				return fmt.Errorf("do what is due: %w", err)
			}
			next, err := c.worker.Next(ctx, c.Clock.Now())
			if err != nil {
				return err
			}
			if next.IsZero() || next.After(end) {
				c.Clock.reach(end)
				return nil
			}
			c.Clock.reach(next)
		}
	})
}

// Settle waits until all that is due is done, and what that makes due. If ctx ends first, Settle returns its error.
func (c *Control) Settle(ctx context.Context) error {
	if err := c.worker.Drain(ctx); err != nil {
		return fmt.Errorf("do what is due: %w", err)
	}
	return nil
}

// Reset deletes everything but the accounts and their Primary Customer Profiles, also the faults that are left and the log of
// requests. With seed it then stores what the server started with. It waits for requests and steps of the worker that have
// begun, and others wait for it.
//
// The clock is left alone. A callback that is being sent may still arrive: call Settle first if that matters. If ctx ends before
// Reset has begun, nothing is done and Reset returns its error.
func (c *Control) Reset(ctx context.Context, seed bool) error {
	return c.worker.Exclusively(ctx, func(func() error) error {
		// In this order: what the worker sends may wait for a request, but no request waits for the worker.
		if err := c.requests.Acquire(ctx, math.MaxInt64); err != nil {
			return err
		}
		defer c.requests.Release(math.MaxInt64)
		ctx := context.WithoutCancel(ctx) // because half a reset helps nobody
		if err := c.store.Reset(ctx); err != nil {
			return fmt.Errorf("reset the database: %w", err)
		}
		c.Faults.Clear()
		if c.log != nil {
			c.log.Clear()
		}
		if !seed || c.seed == nil {
			return nil
		}
		if err := c.seed(ctx); err != nil {
			return fmt.Errorf("seed the database: %w", err)
		}
		return nil
	})
}
