package jobs

import (
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Retries says whether and when a delivery that failed is tried again.
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

// TwilioRetries is what the real service does with callbacks: one more attempt, at once, and only if no connection was made.
func TwilioRetries() Retries {
	return Retries{delays: []time.Duration{0}, unreachedOnly: true}
}

// next answers how long to wait after the attempt, the tries-th since the notice was made or replayed; false ends it.
//
// The delay varies by a tenth either way (random is in [0, 1)), so that what failed together does not come back together.
// A receiver that asked for more time gets it.
func (r Retries) next(tries int, a trust.Attempt, random float64) (time.Duration, bool) {
	if a.Verdict != trust.TryAgain || tries > len(r.delays) || (r.unreachedOnly && a.Connected) {
		return 0, false
	}
	delay := time.Duration(float64(r.delays[tries-1]) * (0.9 + 0.2*random))
	return max(delay, a.RetryAfter), true
}
