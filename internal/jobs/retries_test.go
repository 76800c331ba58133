package jobs_test

import (
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// exhaust lets the clock go on from one attempt at the bundle's first callback to the next, until none is left.
func (w *world) exhaust(sid string) {
	w.t.Helper()
	w.drainAt(w.clock().Sub(start))
	for w.callbacks(sid)[0].State == store.Ready {
		due := w.callbacks(sid)[0].Due
		before := len(w.callbacks(sid)[0].Attempts)
		w.drainAt(due.Sub(start) - time.Microsecond)
		if len(w.callbacks(sid)[0].Attempts) != before {
			w.t.Fatalf("an attempt before %v", due)
		}
		w.drainAt(due.Sub(start))
	}
}

func TestStandardRetries(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var at []time.Duration
		w.answer = func(n trust.Notice) trust.Attempt {
			if n.Status == trust.PendingReview {
				at = append(at, w.now.Sub(start))
			}
			return refusedConnection(n)
		}
		w.submit("BU1", "a+hold@b.example")
		w.exhaust("BU1")
		want := []time.Duration{
			0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
			20 * time.Hour, 24 * time.Hour,
		}
		if len(at) != len(want) {
			t.Fatalf("%d attempts at %v, want %d", len(at), at, len(want))
		}
		var sum time.Duration
		for i, delay := range want {
			if sum += delay; at[i] != sum {
				t.Errorf("attempt %d after %v, want %v", i+1, at[i], sum)
			}
		}
		first := w.callbacks("BU1")[0]
		if first.State != store.Dead || len(first.Attempts) != 10 {
			t.Errorf("it ended %s after %d attempts", first.State, len(first.Attempts))
		}

		// A person has it sent again: all of the schedule anew, under the same id.
		w.answer = nil
		if n, err := w.db.ReplayAll(t.Context(), store.DeliveryFilter{State: store.Dead}, w.clock()); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		w.drainAt(w.clock().Sub(start))
		again := w.callbacks("BU1")[0]
		if again.State != store.Delivered || len(again.Attempts) != 11 || again.Notice.ID != first.Notice.ID {
			t.Errorf("after the replay: %s with %d attempts", again.State, len(again.Attempts))
		}
	})
}

func TestWhatEndsAndDelaysRetries(t *testing.T) {
	again := func(code int, connected bool, after time.Duration) trust.Attempt {
		return trust.Attempt{Verdict: trust.TryAgain, StatusCode: code, Connected: connected, RetryAfter: after}
	}
	for _, test := range []struct {
		name    string
		retries jobs.Retries
		answer  trust.Attempt
		tries   int
		second  time.Duration // when the second attempt is made, after the first
	}{
		{"a 500", jobs.StandardRetries(), again(500, true, 0), 10, 5 * time.Second},
		{"a 503 that asks for an hour", jobs.StandardRetries(), again(503, true, time.Hour), 10, time.Hour},
		{"a 429 that asks for less than the schedule", jobs.StandardRetries(), again(429, true, time.Second), 10, 5 * time.Second},
		{"a 410", jobs.StandardRetries(), trust.Attempt{Verdict: trust.Refused, StatusCode: 410, Connected: true}, 1, 0},
		{"as Twilio, without a connection", jobs.TwilioRetries(), again(0, false, 0), 2, 0},
		{"as Twilio, after a 500", jobs.TwilioRetries(), again(500, true, 0), 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
			w.config.Retries = test.retries
			w.worker = jobs.NewWorker(w.config)
			var at []time.Duration
			w.answer = func(n trust.Notice) trust.Attempt {
				if n.Status == trust.PendingReview {
					at = append(at, w.now.Sub(start))
				}
				return test.answer
			}
			w.submit("BU1", "a+hold@b.example")
			w.exhaust("BU1")
			if len(at) != test.tries || (len(at) > 1 && at[1] != test.second) {
				t.Errorf("attempts at %v, want %d, the second at %v", at, test.tries, test.second)
			}
			if got := w.callbacks("BU1")[0].State; got != store.Dead {
				t.Errorf("it ended %s", got)
			}
		})
	}
}
