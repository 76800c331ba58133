package apitest

import (
	"context"
	"math"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// clock stands still until it is moved.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

// reach moves the clock forward to t. It never moves it back.
func (c *clock) reach(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.time) {
		c.time = t
	}
}

// itemPath matches the path of a single resource, as opposed to a collection's.
var itemPath = regexp.MustCompile("/[A-Z]{2}[0-9a-fA-F]{32}$")

// wrap moves the clock by a millisecond before each create, which is a POST to a collection: resources created at the very same
// time have no order in a list.
func (c *clock) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/") && !itemPath.MatchString(r.URL.Path) {
			c.mu.Lock()
			c.time = c.time.Add(time.Millisecond)
			c.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// Now returns the server's time.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the clock by d. Whatever becomes due on the way (steps of the automatic review, callbacks and their retries,
// e-mail, the end of approvals) happens at its time and in its order, and is done when Advance returns. Advance(0) does what is
// already due, for example the first callback after a submission.
func (s *Server) Advance(d time.Duration) {
	s.tb.Helper()
	s.working.Lock()
	defer s.working.Unlock()
	end := s.clock.now().Add(d)
	for {
		s.drain()
		next := s.nextDue()
		if next.IsZero() || next.After(end) {
			break
		}
		s.clock.reach(next)
	}
	s.clock.reach(end)
}

// drain does everything that is due now. It also works in a cleanup, when the test's context has ended.
func (s *Server) drain() {
	s.tb.Helper()
	if err := s.app.Drain(context.WithoutCancel(s.tb.Context())); err != nil {
		s.tb.Fatalf("apitest: do what is due: %v", err)
	}
}

// nextDue returns when something is due next, zero if nothing is.
func (s *Server) nextDue() time.Time {
	s.tb.Helper()
	ctx := context.WithoutCancel(s.tb.Context())
	next, err := s.store.NextAdvance(ctx)
	if err != nil {
		s.tb.Fatalf("apitest: look for the next step: %v", err)
	}
	waiting, err := s.store.Deliveries(ctx, store.DeliveryFilter{State: store.Ready, Limit: math.MaxInt32})
	if err != nil {
		s.tb.Fatalf("apitest: look for the next delivery: %v", err)
	}
	for _, delivery := range waiting {
		if next.IsZero() || delivery.Due.Before(next) {
			next = delivery.Due
		}
	}
	return next
}

// Approve approves a Trust Product or Customer Profile that has been submitted, whether or not it is in review yet, and sends its
// callbacks and mails before it returns. It fails the test if the status does not allow that.
func (s *Server) Approve(sid string) {
	s.tb.Helper()
	s.decide(sid, trust.Change{Status: new(trust.TwilioApproved)})
}

// Reject is like Approve, but rejects, with at least one code, for example 18602.
func (s *Server) Reject(sid string, codes ...int) {
	s.tb.Helper()
	s.decide(sid, trust.Change{Status: new(trust.TwilioRejected), Reasons: codes})
}

func (s *Server) decide(sid string, decision trust.Change) {
	s.tb.Helper()
	s.working.Lock()
	defer s.working.Unlock()
	_, err := s.store.ReviewBundle(context.WithoutCancel(s.tb.Context()), sid, func(p trust.Bundle) (trust.Outcome, error) {
		return s.policy.Decide(p, decision, s.clock.now())
	})
	if err != nil {
		s.tb.Fatalf("apitest: set %s to %s: %v", sid, *decision.Status, err)
	}
	s.drain()
}
