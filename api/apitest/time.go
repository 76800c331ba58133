package apitest

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Now returns the server's time.
func (s *Server) Now() time.Time { return s.control.Clock.Now() }

// Advance moves the clock by d. Whatever becomes due on the way (steps of the automatic review, callbacks and their retries,
// e-mail, the end of approvals) happens at its time and in its order, and is done when Advance returns. Advance(0) does what is
// already due, for example the first callback after a submission.
func (s *Server) Advance(d time.Duration) {
	s.tb.Helper()
	if err := s.control.Advance(s.context(), d); err != nil {
		s.tb.Fatalf("apitest: move the clock: %v", err)
	}
}

// context returns a context that also works in a cleanup, when the test's has ended.
func (s *Server) context() context.Context { return context.WithoutCancel(s.tb.Context()) }

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
	_, err := s.store.ReviewBundle(s.context(), sid, func(p trust.Bundle) (trust.Outcome, error) {
		return s.policy.Decide(p, decision, s.Now())
	})
	if err != nil {
		s.tb.Fatalf("apitest: set %s to %s: %v", sid, *decision.Status, err)
	}
	if err := s.control.Settle(s.context()); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
}
