package control_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/internal/control"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := control.NewClock(start, time.Now)
		want := func(after time.Duration) {
			t.Helper()
			if got := c.Now().Sub(start); got != after {
				t.Errorf("the clock is %v after its start, want %v", got, after)
			}
		}
		pass := func(d time.Duration) { <-time.After(d) }

		pass(time.Second)
		want(0)
		c.Run()
		want(0)
		pass(time.Second)
		want(time.Second)
		c.Run() // again changes nothing
		pass(time.Second)
		want(2 * time.Second)
		c.Freeze()
		pass(time.Hour)
		want(2 * time.Second)
		c.Freeze()
		c.Run()
		pass(time.Second)
		want(3 * time.Second)
	})
}

// TestClockConcurrently: the clock never goes back, whatever others do to it.
func TestClockConcurrently(t *testing.T) {
	t.Parallel()
	c := control.NewClock(start, time.Now)
	var group sync.WaitGroup
	for _, act := range []func(){c.Run, c.Freeze} {
		group.Go(func() {
			for range 1000 {
				act()
			}
		})
	}
	for range 2 {
		group.Go(func() {
			for last := start; !t.Failed() && last.Sub(start) < time.Millisecond; {
				now := c.Now()
				if now.Before(last) {
					t.Errorf("the clock went from %v back to %v", last, now)
				}
				last = now
				c.Run()
			}
		})
	}
	group.Wait()
}

// TestAdvanceRefused: the clock stays where it was.
func TestAdvanceRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openFile(t))
	if err := w.Advance(t.Context(), -1); !errors.Is(err, control.ErrBackward) {
		t.Errorf("back: %v", err)
	}
	const century = 100 * 365 * 24 * time.Hour
	var err error
	moved := 0
	for ; err == nil && moved < 100; moved++ {
		err = w.Advance(t.Context(), century)
	}
	if !errors.Is(err, control.ErrTooFar) || w.Clock.Now().Year() < 8890 {
		t.Errorf("in %d steps to %v: %v", moved, w.Clock.Now(), err)
	}
}
