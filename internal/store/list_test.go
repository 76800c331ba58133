package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// makeProducts stores count products and returns their SIDs.
func makeProducts(t *testing.T, s *store.Store, count int, from time.Time) []string {
	t.Helper()
	sids := make([]string, count)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range count {
		group.Go(func() error {
			p := draft()
			p.SID = trust.NewSID(trust.ProductPrefix, from.Add(time.Duration(i)*time.Millisecond))
			sids[i] = p.SID
			return s.CreateProduct(t.Context(), p)
		})
	}
	check(t, group.Wait())
	return sids
}

// readAll pages through the whole list and returns how often each product was seen.
func readAll(ctx context.Context, s *store.Store, q store.ProductQuery) (map[string]int, error) {
	seen := map[string]int{}
	for more := true; more; {
		var page []trust.Product
		var err error
		if page, more, err = s.ListProducts(ctx, q); err != nil {
			return nil, err
		}
		for _, p := range page {
			seen[p.SID]++
		}
		if len(page) > 0 {
			q.From = page[len(page)-1].SID
			if q.Backward {
				q.From = page[0].SID
			}
		}
	}
	return seen, nil
}

// TestPagesAreStable has three readers page through while products are created and deleted around the ones that stay.
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
			staying := makeProducts(t, s, stay, at)
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
						seen, err := readAll(t.Context(), s, store.ProductQuery{AccountSID: accountSID, Limit: 40, Backward: reader == 2})
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

// comeAndGo creates products before, among and after the ones that stay, and deletes them again.
func comeAndGo(ctx context.Context, s *store.Store, count int) error {
	allow := func(trust.Product) error { return nil }
	var group errgroup.Group
	group.SetLimit(16)
	for range count {
		group.Go(func() error {
			p := draft()
			p.SID = trust.NewSID(trust.ProductPrefix, at.Add(time.Duration(rand.IntN(600)-150)*time.Millisecond))
			if err := s.CreateProduct(ctx, p); err != nil {
				return err
			}
			return s.DeleteProduct(ctx, accountSID, p.SID, at, allow)
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
				p.SID = fmt.Sprintf("BU%032x", i)
				if i%2 == 0 {
					p.Status = trust.InReview
				}
				if i%3 == 0 {
					p.FriendlyName, p.PolicySID = "three", "RN3"
				}
				if i == 11 {
					p.AccountSID = otherSID
				}
				check(t, s.CreateProduct(t.Context(), p))
			}
			for _, test := range []struct {
				q    store.ProductQuery
				want int
			}{
				{store.ProductQuery{}, 11},
				{store.ProductQuery{Status: trust.InReview}, 6},
				{store.ProductQuery{FriendlyName: "three"}, 4},
				{store.ProductQuery{PolicySID: "RN3", Status: trust.InReview}, 2},
				{store.ProductQuery{Status: trust.TwilioApproved}, 0},
				{store.ProductQuery{From: fmt.Sprintf("BU%032x", 5)}, 5},
				{store.ProductQuery{From: fmt.Sprintf("BU%032x", 5), Backward: true}, 5},
			} {
				test.q.AccountSID, test.q.Limit = accountSID, 2
				if seen, err := readAll(t.Context(), s, test.q); err != nil || len(seen) != test.want {
					t.Errorf("%+v: %d products, want %d, error %v", test.q, len(seen), test.want, err)
				}
			}
		})
	}
}
