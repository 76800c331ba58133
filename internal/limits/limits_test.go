package limits_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/limits"
)

const alice, bob = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// clock is a clock that the test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newLimiter(config limits.Config) (*limits.Limiter, *clock) {
	c := &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return limits.New(config, c.now), c
}

// admit returns the number of running requests, and the function that ends the request.
func admit(t *testing.T, l *limits.Limiter, account string) (running int, release func()) {
	t.Helper()
	running, release, err := l.Admit(account)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return running, release
}

// refused checks that a request of alice is refused, and until when.
func refused(t *testing.T, l *limits.Limiter, wantRunning int, wantWait time.Duration) {
	t.Helper()
	running, release, err := l.Admit(alice)
	got, ok := errors.AsType[*api.Error](err)
	if !ok || got.Code != api.CodeTooManyRequests || got.RetryAfter != wantWait {
		t.Fatalf("got %v, want a 20429 to repeat after %v", err, wantWait)
	}
	if running != wantRunning || release != nil {
		t.Errorf("%d running, want %d; release is nil: %t", running, wantRunning, release == nil)
	}
}

func TestConcurrent(t *testing.T) {
	l, _ := newLimiter(limits.Config{Concurrent: 2})
	_, first := admit(t, l, alice)
	if running, _ := admit(t, l, alice); running != 2 {
		t.Errorf("%d running, want 2", running)
	}
	refused(t, l, 2, time.Second)
	if running, _ := admit(t, l, bob); running != 1 {
		t.Errorf("another account: %d running, want 1", running)
	}
	first()
	admit(t, l, alice)
	refused(t, l, 2, time.Second)
}

func TestRate(t *testing.T) {
	l, clock := newLimiter(limits.Config{PerSecond: 4})
	for range 4 {
		_, release := admit(t, l, alice)
		release()
	}
	refused(t, l, 0, time.Second/4)
	refused(t, l, 0, time.Second/4) // a refused request does not defer the others
	clock.Time = clock.Add(time.Second / 8)
	refused(t, l, 0, time.Second/8)
	admit(t, l, bob)
	clock.Time = clock.Add(time.Second / 8)
	admit(t, l, alice)
	refused(t, l, 1, time.Second/4)
	clock.Time = clock.Add(time.Hour)
	for range 4 { // what was not used in the hour is not saved
		admit(t, l, alice)
	}
	refused(t, l, 5, time.Second/4)
}

// TestConcurrentRefusalCostsNothing checks that a request above the one limit does not count for the other.
func TestConcurrentRefusalCostsNothing(t *testing.T) {
	l, _ := newLimiter(limits.Config{Concurrent: 1, PerSecond: 2})
	_, release := admit(t, l, alice)
	for range 10 {
		refused(t, l, 1, time.Second)
	}
	release()
	admit(t, l, alice)
}

// TestForgets calls for very many accounts: those that no longer call are forgotten, and those that do are not.
func TestForgets(t *testing.T) {
	l, clock := newLimiter(limits.Config{Concurrent: 1, PerSecond: 1})
	admit(t, l, alice) // and never released
	most := 0
	for i := range 100_000 {
		_, release := admit(t, l, fmt.Sprint("account ", i))
		release()
		clock.Time = clock.Add(time.Millisecond)
		most = max(most, limits.Known(l))
	}
	if most > 5000 { // 1000 call in each second
		t.Errorf("%d accounts are kept", most)
	}
	refused(t, l, 1, time.Second)
}

// TestParallel has many goroutines call at once: never more than the limit run.
func TestParallel(t *testing.T) {
	const most = 5
	l, _ := newLimiter(limits.Config{Concurrent: most})
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 200 {
				running, release, err := l.Admit(alice)
				if running > most {
					t.Errorf("%d running", running)
				}
				if err == nil {
					release()
				}
			}
		})
	}
	group.Wait()
	if running, _ := admit(t, l, alice); running != 1 {
		t.Errorf("%d running at the end, want 1", running)
	}
}
