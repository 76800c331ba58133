package feed_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/feed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	accountSID = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bundleSID  = "BU00000000000000000000000000000001"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s *store.Store) {
	t.Helper()
	check(t, s.Bundles.Create(t.Context(), trust.Bundle{
		SID: bundleSID, Kind: trust.TrustProduct, AccountSID: accountSID, Status: trust.Draft, Created: at, Updated: at,
	}))
}

func rename(t *testing.T, s *store.Store, name string) {
	t.Helper()
	_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID,
		func(b trust.Bundle) (trust.Outcome, error) {
			return trust.Policy{}.Apply(b, trust.Change{FriendlyName: &name, RequestID: name}, trust.AccountHolder, at)
		})
	check(t, err)
}

// TestFollowers makes changes, more than are kept in memory, on another connection to the database, while followers read that begin
// everywhere: with all, with a few, while the others read, and with what comes. Each gets all after its beginning, once.
func TestFollowers(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			s, other := storetest.Open(t, name), storetest.Open(t, name)
			create(t, s)
			const before, during = 5, 995 // a history keeps 1,000 at least
			for i := range before {
				rename(t, other, fmt.Sprint(i))
			}
			f := feed.New(s)
			var reading sync.WaitGroup
			follow := func(after, first int64) {
				follower, err := f.Follow(t.Context(), after)
				check(t, err)
				reading.Go(func() {
					defer follower.Close()
					for next := first; next <= before+during; {
						part, err := follower.Next(t.Context())
						if err != nil || part.Missed != 0 || part.Position < next {
							t.Errorf("after %d: %+v, %v, want %d", after, part, err, next)
							return
						}
						for _, e := range part.Events {
							if e.Position != next || e.RequestID != fmt.Sprint(next-1) {
								t.Errorf("after %d: %+v, want %d", after, e, next)
								return
							}
							next++
						}
					}
				})
			}
			follow(0, 1)
			follow(3, 4)
			follow(feed.FromNow, before+1)
			for i := range during {
				rename(t, other, fmt.Sprint(before+i))
				if i%300 == 0 {
					follow(0, 1)
					follow(int64(i), int64(i)+1)
				}
			}
			reading.Wait()
		})
	}
}

// TestMissed tells a follower what was removed: while it waits, and before it resumes. One that comes from another database is told
// that nobody knows.
func TestMissed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := feed.New(s)
		want := func(fo *feed.Follower, missed, position int64, events int) {
			t.Helper()
			part, err := fo.Next(t.Context())
			if err != nil || part.Missed != missed || part.Position != position || len(part.Events) != events {
				t.Errorf("%+v, %v, want %d missed, %d events, at %d", part, err, missed, events, position)
			}
		}
		follow := func(after int64) *feed.Follower {
			t.Helper()
			fo, err := f.Follow(t.Context(), after)
			check(t, err)
			t.Cleanup(fo.Close)
			return fo
		}
		waiting := follow(feed.FromNow)
		create(t, s)
		rename(t, s, "a")
		want(waiting, 0, 1, 1)
		check(t, s.Reset(t.Context()))
		want(waiting, 1, 2, 0) // a reset is missed by everybody
		create(t, s)
		rename(t, s, "b")
		rename(t, s, "c")
		want(follow(0), 2, 4, 2)
		want(follow(1), 1, 4, 2)
		want(follow(3), 0, 4, 1)
		fromElsewhere := follow(9)
		want(fromElsewhere, feed.Unknown, 4, 0)
		rename(t, s, "d")
		want(fromElsewhere, 0, 5, 1)
	})
}

// TestNextEnds returns the error of its context, after which the follower goes on, and that of a store that is closed.
func TestNextEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		create(t, s)
		f := feed.New(s)
		fo, err := f.Follow(t.Context(), feed.FromNow)
		check(t, err)
		defer fo.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if part, err := fo.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v, %v", part, err)
		}
		rename(t, s, "a")
		if part, err := fo.Next(t.Context()); err != nil || len(part.Events) != 1 {
			t.Errorf("%+v, %v", part, err)
		}
		check(t, s.Close())
		if _, err := f.Follow(t.Context(), 0); err == nil {
			t.Error("a closed store can be followed")
		}
	})
}
