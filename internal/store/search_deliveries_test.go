package store_test

import (
	"fmt"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestSearchDeliveries finds what the filter chooses, newest first and in pages.
func TestSearchDeliveries(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			var targets []string
			for i := range 5 {
				targets = append(targets, fmt.Sprintf("http://%d.example/", i%2))
			}
			notify(t, s, targets...)
			all, err := s.Deliveries(t.Context(), store.DeliveryFilter{Limit: 10})
			check(t, err)
			leases, _ := exchange(t, s, 0, 1)
			exchange(t, s, 0, 0, store.Report{Lease: leases[0], Attempt: trust.Attempt{Started: at, Verdict: trust.Refused}, State: store.Dead})
			for i, test := range []struct {
				filter store.DeliveryFilter
				want   string // the places in all of each page
			}{
				{store.DeliveryFilter{}, "[0 1][2 3][4]"},
				{store.DeliveryFilter{State: store.Dead}, "[4]"},
				{store.DeliveryFilter{Open: true}, "[0 1][2 3]"},
				{store.DeliveryFilter{Endpoint: "http://1.example:80"}, "[1 3]"},
				{store.DeliveryFilter{BundleSID: bundleSID, Channel: trust.Callback, State: store.Waiting}, "[0 1][2]"},
				{store.DeliveryFilter{State: store.Dropped}, "[]"},
			} {
				got := ""
				for range 5 {
					test.filter.Limit = 2
					found, err := s.SearchDeliveries(t.Context(), test.filter)
					check(t, err)
					got += fmt.Sprint(places(found.Deliveries, all))
					if test.filter.Before = found.Next; found.Next == "" {
						break
					}
				}
				if got != test.want {
					t.Errorf("search %d finds %s, want %s", i, got, test.want)
				}
			}
			dead := store.DeliveryFilter{State: store.Dead, Limit: 3}
			if n, err := s.CountReplayable(t.Context(), dead); n != 1 || err != nil {
				t.Errorf("%d can be replayed, %v, want 1", n, err)
			}
		})
	}
}

// places returns where deliveries are among others.
func places(found, all []store.Delivery) []int {
	at := []int{}
	for _, d := range found {
		for i := range all {
			if all[i].Notice.ID == d.Notice.ID {
				at = append(at, i)
			}
		}
	}
	return at
}
