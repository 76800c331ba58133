package jobs

import (
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Retries says whether and when a failed delivery is retried.
type Retries struct {
	delays        []time.Duration // before the second attempt, the third, …
	unreachedOnly bool            // only where no connection was made
}

// StandardRetries is the schedule that the Standard Webhooks specification recommends: 10 attempts over about 75 hours.
func StandardRetries() Retries {
	return Retries{delays: []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}}
}

// TwilioRetries is how the real service retries callbacks: once, immediately, and only if no connection was made.
func TwilioRetries() Retries {
	return Retries{delays: []time.Duration{0}, unreachedOnly: true}
}

// next returns how long to wait after an attempt, the tries-th since the notice was created or replayed, or false if it was the
// last.
//
// The delay varies by a tenth either way (random is in [0, 1)), so that notices that failed together are not retried together. A
// longer Retry-After of the receiver is respected.
func (r Retries) next(tries int, a trust.Attempt, random float64) (time.Duration, bool) {
	if a.Verdict != trust.TryAgain || tries > len(r.delays) || (r.unreachedOnly && a.Connected) {
		return 0, false
	}
	delay := time.Duration(float64(r.delays[tries-1]) * (0.9 + 0.2*random))
	return max(delay, a.RetryAfter), true
}
