package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// makeBundles stores count bundles and returns their SIDs.
func makeBundles(t *testing.T, s *store.Store, count int, from time.Time) []string {
	t.Helper()
	sids := make([]string, count)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range count {
		group.Go(func() error {
			p := draft()
			p.SID = trust.NewSID(trust.BundlePrefix, from.Add(time.Duration(i)*time.Millisecond))
			sids[i] = p.SID
			return s.Bundles.Create(t.Context(), p)
		})
	}
	check(t, group.Wait())
	return sids
}

// readAll pages through the whole list and returns how often each bundle was seen.
func readAll(ctx context.Context, s *store.Store, q store.Query) (map[string]int, error) {
	seen := map[string]int{}
	for {
		part, err := s.Bundles.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, p := range part.Rows {
			seen[p.SID]++
		}
		if part.Beyond == "" {
			return seen, nil
		}
		q.Range.After = part.Reached
	}
}

// TestPagesAreStable has three readers page through while bundles are created and deleted around the ones that stay.
// TRUSTHUB_CHURN sets how many.
func TestPagesAreStable(t *testing.T) {
	const stay = 300
	come := 1000
	if s, ok := os.LookupEnv("TRUSTHUB_CHURN"); ok {
		var err error
		come, err = strconv.Atoi(s)
		check(t, err)
	}
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			staying := makeBundles(t, s, stay, at)
			done := make(chan struct{})
			var readers errgroup.Group
			for reader := range 3 {
				readers.Go(func() error {
					for running := true; running; {
						select {
						case <-done:
							running = false // once more, after the last change
						default:
						}
						seen, err := readAll(t.Context(), s, store.Query{
							Of: store.BundlesOf(accountSID, trust.TrustProduct), Range: store.Range{Limit: 40, Bytes: 1 << 20, Step: 100, Backward: reader == 2},
						})
						if err != nil {
							return err
						}
						for _, sid := range staying {
							if seen[sid] != 1 {
								t.Errorf("%s was seen %d times", sid, seen[sid])
							}
						}
					}
					return nil
				})
			}
			err := comeAndGo(t.Context(), s, come)
			close(done)
			check(t, errors.Join(err, readers.Wait()))
		})
	}
}

// comeAndGo creates bundles before, among and after the ones that stay, and deletes them again.
func comeAndGo(ctx context.Context, s *store.Store, count int) error {
	allow := func(trust.Bundle, []trust.Status) error { return nil }
	var group errgroup.Group
	group.SetLimit(16)
	for range count {
		group.Go(func() error {
			p := draft()
			p.SID = trust.NewSID(trust.BundlePrefix, at.Add(time.Duration(rand.IntN(600)-150)*time.Millisecond))
			if err := s.Bundles.Create(ctx, p); err != nil {
				return err
			}
			return s.DeleteBundle(ctx, store.BundlesOf(accountSID, trust.TrustProduct), p.SID, holder, allow)
		})
	}
	return group.Wait()
}

func TestFilters(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			for i := range 12 {
				p := draft()
				p.SID = sid(i)
				if i%2 == 0 {
					p.Status = trust.InReview
				}
				if i%3 == 0 {
					p.FriendlyName, p.PolicySID = "three", "RN3"
				}
				if i == 11 {
					p.AccountSID = otherSID
				}
				check(t, s.Bundles.Create(t.Context(), p))
			}
			for _, test := range []struct {
				q    store.Query
				want int
			}{
				{store.Query{}, 11},
				{store.Query{Where: map[string]string{"status": "in-review"}}, 6},
				{store.Query{Where: map[string]string{"friendly_name": "three"}}, 4},
				{store.Query{Where: map[string]string{"policy_sid": "RN3", "status": "in-review"}}, 2},
				{store.Query{Where: map[string]string{"status": "twilio-approved"}}, 0},
				{store.Query{Range: store.Range{After: sid(5)}}, 5},
				{store.Query{Range: store.Range{After: sid(5), Backward: true}}, 5},
				{store.Query{Range: store.Range{After: sid(8), Until: sid(2)}}, 5},
				{store.Query{Where: map[string]string{"status": "in-review"}, Range: store.Range{
					After: sid(2), Until: sid(8), Backward: true,
				}}, 2},
			} {
				test.q.Of = store.BundlesOf(accountSID, trust.TrustProduct)
				test.q.Range.Limit, test.q.Range.Bytes, test.q.Range.Step = 2, 1<<20, 3
				if seen, err := readAll(t.Context(), s, test.q); err != nil || len(seen) != test.want {
					t.Errorf("%+v: %d bundles, want %d, error %v", test.q, len(seen), test.want, err)
				}
			}
		})
	}
}

// A part ends with the row at which its text is as long as asked for; a filtered one where its step ends, whatever it found.
func TestPartsAreBounded(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			for i := range 9 {
				p := draft()
				p.SID = sid(i)
				p.FriendlyName = strings.Repeat("x", 1000)
				if i == 7 {
					p.PolicySID = "RN7"
				}
				check(t, s.Bundles.Create(t.Context(), p))
			}
			q := store.Query{Of: store.BundlesOf(accountSID, trust.TrustProduct), Range: store.Range{Limit: 9, Bytes: 2500, Step: 4}}
			part, err := s.Bundles.List(t.Context(), q)
			if err != nil || len(part.Rows) != 2 || part.Bytes < 2500 || part.Read != 2 || part.Reached != sid(7) || part.Beyond != sid(6) {
				t.Errorf("by bytes: %d rows, %d bytes, read %d, reached %s, beyond %s, %v",
					len(part.Rows), part.Bytes, part.Read, part.Reached, part.Beyond, err)
			}
			q.Where = map[string]string{"policy_sid": "RN7"}
			for _, want := range []struct {
				after           string
				rows            int
				reached, beyond string
			}{
				{"", 1, sid(5), sid(4)},
				{sid(8), 1, sid(4), sid(3)},
				{sid(5), 0, sid(1), sid(0)},
				{sid(4), 0, sid(0), ""},
				{sid(2), 0, "", ""},
			} {
				q.Range.After = want.after
				part, err := s.Bundles.List(t.Context(), q)
				if err != nil || len(part.Rows) != want.rows || part.Read != 4 || part.Reached != want.reached || part.Beyond != want.beyond {
					t.Errorf("filtered, after %s: %d rows, read %d, reached %s, beyond %s, %v; want %+v",
						want.after, len(part.Rows), part.Read, part.Reached, part.Beyond, err, want)
				}
			}
		})
	}
}

func sid(i int) string { return fmt.Sprintf("BU%032x", i) }
