package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// history returns a history as lines of text, the oldest event first.
func history(t *testing.T, s *store.Store, bundle string) []string {
	t.Helper()
	all, err := s.History(t.Context(), bundle, store.HistoryPage{Limit: 2 * store.MaxEvents})
	check(t, err)
	return describe(all)
}

func describe(all []trust.Event) (lines []string) {
	for _, e := range all {
		words := []string{fmt.Sprint(e.Number), string(e.Type), "by " + string(e.By)}
		for _, word := range []string{e.RequestID, string(e.From), string(e.To), strings.Join(e.Fields, "+"), e.ObjectSID} {
			if word != "" {
				words = append(words, word)
			}
		}
		if e.Errors != nil {
			words = append(words, fmt.Sprint(e.Errors))
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

func wantHistory(t *testing.T, s *store.Store, bundle string, want ...string) {
	t.Helper()
	if got := history(t, s, bundle); !slices.Equal(got, want) {
		t.Errorf("the history of %s is\n%s\nwant\n%s", bundle, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// applied is a change by an actor, as UpdateBundle takes it.
func applied(c trust.Change, by trust.Actor) func(trust.Bundle) (trust.Outcome, error) {
	return func(b trust.Bundle) (trust.Outcome, error) {
		return trust.Policy{ValidFor: time.Hour}.Apply(b, c, by, at)
	}
}

// TestHistory makes one change of each kind.
func TestHistory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, of := t.Context(), store.BundlesOf(accountSID, trust.TrustProduct)
		check(t, s.PutAccount(ctx, store.Account{SID: accountSID, Created: at}))
		check(t, s.Bundles.Create(ctx, draft()))
		check(t, s.EndUsers.Create(ctx, endUser()))
		wantHistory(t, s, bundleSID, "1 created by account holder")

		_, err := s.UpdateBundle(ctx, of, bundleSID, applied(trust.Change{
			FriendlyName: new("Other"), Email: new("other@b.example"), Status: new(trust.PendingReview), RequestID: "RQ2",
		}, trust.AccountHolder))
		check(t, err)
		_, err = s.UpdateBundle(ctx, of, bundleSID, applied(trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder))
		check(t, err) // which is no change
		_, err = s.ReviewBundle(ctx, bundleSID, func(b trust.Bundle) (trust.Outcome, error) {
			return trust.Policy{}.Decide(b, trust.Change{Status: new(trust.TwilioRejected), Reasons: []int{18601}}, at)
		})
		check(t, err)
		_, err = assign(t, s, nil, "BV1", userSID)
		check(t, err)
		if _, err = assign(t, s, nil, "BV2", userSID); !errors.Is(err, store.ErrAlreadyAssigned) {
			t.Error(err)
		}
		_, err = s.EndUsers.UpdateObject(ctx, store.Scope{accountSID}, userSID, holder, func(u *trust.EndUser, _ []trust.Status) (bool, error) {
			u.FriendlyName = "Bert"
			return true, nil
		})
		check(t, err)
		check(t, s.Unassign(ctx, of, bundleSID, "BV1", holder, func(trust.Bundle) error { return nil }))
		_, err = assign(t, s, nil, "BV3", userSID)
		check(t, err)
		check(t, s.EndUsers.DeleteObject(ctx, store.Scope{accountSID}, userSID, holder, func(trust.EndUser, []trust.Status) error { return nil }))
		_, err = endpoint(t, s, "RA1", bundleSID)
		check(t, err)
		check(t, s.UnassignEndpoint(ctx, of, bundleSID, "RA1", holder))
		_, err = evaluate(t, s, nil, "EL1")
		check(t, err)
		lines := []string{
			"2 updated by account holder RQ2 draft pending-review friendly_name+email",
			"3 updated by reviewer pending-review in-review",
			"4 updated by reviewer in-review twilio-rejected [18601]",
			"5 assigned by account holder RQ1 " + userSID,
			"6 object-updated by account holder RQ1 " + userSID,
			"7 unassigned by account holder RQ1 " + userSID,
			"8 assigned by account holder RQ1 " + userSID,
			"9 unassigned by account holder RQ1 " + userSID,
			"10 endpoint-assigned by account holder RQ1 PN1",
			"11 endpoint-unassigned by account holder RQ1 PN1",
			"12 evaluated by account holder RQ1 EL1",
		}
		wantHistory(t, s, bundleSID, append([]string{"1 created by account holder"}, lines...)...)
		check(t, s.DeleteBundle(ctx, of, bundleSID, holder, anyBundle))
		wantHistory(t, s, bundleSID, append(lines, "13 deleted by account holder RQ1")...)
		wantHistory(t, s, trust.PrimarySID(accountSID), "1 created by operator")

		whole, err := s.History(ctx, bundleSID, store.HistoryPage{Limit: 1})
		want := trust.Event{
			Origin: trust.Origin{By: trust.AccountHolder, RequestID: "RQ2", At: at}, Type: trust.EventUpdated, BundleSID: bundleSID,
			BundleKind: trust.TrustProduct, AccountSID: accountSID, Number: 2, From: trust.Draft, To: trust.PendingReview,
			Fields: []string{"friendly_name", "email"},
		}
		if err != nil || !reflect.DeepEqual(whole, []trust.Event{want}) {
			t.Errorf("got  %+v, %v\nwant %+v", whole, err, want)
		}
	})
}

// What passes with time is in the history too, and so is what a seed stores. What fails is not.
func TestHistoryOfTheWorkerAndSeeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
		due := draft()
		due.Status, due.Due = trust.TwilioApproved, at
		check(t, s.Bundles.Create(t.Context(), due))
		policy := trust.Policy{}
		advance := func(b trust.Bundle) (trust.Outcome, error) { return policy.Advance(b, at) }
		refused := errors.New("refused")
		if _, err := s.AdvanceBundles(t.Context(), at, 1, func(b trust.Bundle) (trust.Outcome, error) {
			outcome, _ := advance(b)
			return outcome, refused
		}); !errors.Is(err, refused) {
			t.Error(err)
		}
		_, err := s.AdvanceBundles(t.Context(), at, 1, advance)
		check(t, err)
		wantHistory(t, s, bundleSID, "1 created by account holder", "2 updated by expiry twilio-approved twilio-rejected")

		rows, sids := seeded(1)
		_, err = seed(t.Context(), s, rows, sids)
		check(t, err)
		_, err = seed(t.Context(), s, rows, sids)
		check(t, err)
		for _, b := range rows.Bundles {
			want := []string{"1 created by account holder", "2 seeded by account holder RQ1 " + string(b.Status)}
			for _, a := range rows.Assignments {
				if a.BundleSID == b.SID {
					want = append(want, fmt.Sprint(len(want)+1, " assigned by account holder RQ1 ", a.ObjectSID))
				}
			}
			for _, e := range rows.ChannelEndpoints {
				if e.BundleSID == b.SID {
					want = append(want, fmt.Sprint(len(want)+1, " endpoint-assigned by account holder RQ1 ", e.EndpointSID))
				}
			}
			wantHistory(t, s, b.SID, want...)
		}
	})
}

// renameTo changes the name of a bundle.
func renameTo(ctx context.Context, s *store.Store, bundle, name string) error {
	_, err := s.UpdateBundle(ctx, store.BundlesOf(accountSID, trust.TrustProduct), bundle,
		applied(trust.Change{FriendlyName: &name}, trust.AccountHolder))
	return err
}

// TestHistoryPages reads a history in pages of every size, in both directions.
func TestHistoryPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.Bundles.Create(t.Context(), draft()))
		for i := range 4 {
			check(t, renameTo(t.Context(), s, bundleSID, fmt.Sprint(i)))
		}
		for limit := 1; limit <= 6; limit++ {
			for _, newest := range []bool{false, true} {
				var got []int64
				for page := (store.HistoryPage{Newest: newest, Limit: limit}); ; page.After = got[len(got)-1] {
					part, err := s.History(t.Context(), bundleSID, page)
					check(t, err)
					if len(part) == 0 {
						break
					}
					for _, e := range part {
						got = append(got, e.Number)
					}
				}
				want := []int64{1, 2, 3, 4, 5}
				if newest {
					slices.Reverse(want)
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d, newest first: %t: %v", limit, newest, got)
				}
			}
		}
		if _, err := s.History(t.Context(), "BU9", store.HistoryPage{Limit: 1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown bundle: %v", err)
		}
	})
}

// TestEventsAfter reads events in parts of random sizes while others make changes, on one connection to the database and on
// another. Each of three readers gets each once, and those of one bundle in their order, even if a clock is set back.
func TestEventsAfter(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			s, other := storetest.Open(t, name), storetest.Open(t, name)
			const bundles, writers, changes = 5, 8, 50
			for i := range bundles {
				b := draft()
				b.SID = fmt.Sprint("BU", i)
				check(t, s.Bundles.Create(t.Context(), b))
			}
			var writing sync.WaitGroup
			for w := range writers {
				writing.Go(func() {
					for n := range changes {
						_, err := []*store.Store{s, other}[w%2].UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct),
							fmt.Sprint("BU", rand.IntN(bundles)), func(b trust.Bundle) (trust.Outcome, error) {
								change := trust.Change{FriendlyName: new(fmt.Sprint(w, n)), RequestID: fmt.Sprint(w, "-", n)}
								return trust.Policy{}.Apply(b, change, trust.AccountHolder, at.Add(time.Duration(rand.IntN(9))*time.Second))
							})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			written := make(chan struct{})
			go func() { writing.Wait(); close(written) }()
			var reading sync.WaitGroup
			for range 3 {
				reading.Go(func() { follow(t, []*store.Store{s, other}, written, writers*changes) })
			}
			reading.Wait()
		})
	}
}

// follow reads all events, each read on another store, and wants each once.
func follow(t *testing.T, stores []*store.Store, written <-chan struct{}, want int) {
	t.Helper()
	seen, numbers, position := map[string]bool{}, map[string]int64{}, int64(0)
	for last := false; ; {
		if !last {
			select {
			case <-written:
				last = true
			default:
			}
		}
		part, err := stores[rand.IntN(len(stores))].EventsAfter(t.Context(), position, 1+rand.IntN(20))
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range part {
			if seen[e.RequestID] || e.Position <= position || e.Number != max(numbers[e.BundleSID], 1)+1 {
				t.Errorf("after %d and number %d: %+v", position, numbers[e.BundleSID], e)
				return
			}
			seen[e.RequestID], numbers[e.BundleSID], position = true, e.Number, e.Position
		}
		if last && len(part) == 0 {
			break
		}
	}
	if len(seen) != want {
		t.Errorf("%d events, want %d", len(seen), want)
	}
}

// A position is never assigned twice, even if all events that had one are removed.
func TestPositionsAreNotReused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		of, other := store.BundlesOf(accountSID, trust.TrustProduct), draft()
		other.SID = "BU00000000000000000000000000000002"
		check(t, errors.Join(s.Bundles.Create(t.Context(), draft()), s.Bundles.Create(t.Context(), other)))
		check(t, s.DeleteBundle(t.Context(), of, bundleSID, holder, anyBundle))
		first, err := s.EventsAfter(t.Context(), 0, 10)
		check(t, err)
		_, err = s.RemoveHistories(t.Context(), at.Add(time.Second), 10)
		check(t, err)
		check(t, renameTo(t.Context(), s, other.SID, "new"))
		next, err := s.EventsAfter(t.Context(), first[0].Position, 10)
		if err != nil || len(next) != 1 || next[0].BundleSID != other.SID {
			t.Errorf("after %+v: %+v, %v", first, next, err)
		}
	})
}

// TestRemovedEventsLeaveGaps removes events that no reader of positions has seen, in each way that there is: the positions after
// them tell how many.
func TestRemovedEventsLeaveGaps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, other := t.Context(), draft()
		other.SID = "BU00000000000000000000000000000002"
		check(t, s.PutAccount(ctx, store.Account{SID: accountSID, Created: at}))
		check(t, errors.Join(s.Bundles.Create(ctx, draft()), s.Bundles.Create(ctx, other)))
		wantPositions := func(last int64, want ...int64) {
			t.Helper()
			got, err := s.LatestPosition(ctx)
			check(t, err)
			all, err := s.EventsAfter(ctx, 0, 2*store.MaxEvents)
			check(t, err)
			if want == nil && len(all) > 0 || want != nil && (len(all) == 0 || all[0].Position != want[0]) || got != last {
				t.Errorf("the last position is %d, want %d, and the %d events begin after a gap other than before %v", got, last, len(all), want)
			}
		}
		check(t, renameTo(ctx, s, other.SID, "new"))
		wantPositions(1, 1)
		for i := range store.MaxEvents + 99 { // the numbers 2 to 1200: at 1200, those up to 200 are removed
			check(t, renameTo(ctx, s, bundleSID, fmt.Sprint(i)))
		}
		check(t, s.DeleteBundle(ctx, store.BundlesOf(accountSID, trust.TrustProduct), other.SID, holder, anyBundle))
		_, err := s.RemoveHistories(ctx, at.Add(time.Second), 10)
		check(t, err)
		wantPositions(1+1199+1, 1+199+1+1)
		check(t, renameTo(ctx, s, bundleSID, "not placed"))
		check(t, s.Reset(ctx))
		wantPositions(1201 + 2)
		check(t, s.Bundles.Create(ctx, draft()))
		check(t, renameTo(ctx, s, bundleSID, "after the reset"))
		wantPositions(1204, 1204)
	})
}
