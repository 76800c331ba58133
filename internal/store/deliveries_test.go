package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestDeliveries lists notices of one moment with two attempts each, and one that has had none.
func TestDeliveries(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			const count = 20
			for i := range count {
				notify(t, s, fmt.Sprintf("http://a.example/%d", i))
			}
			failed := func(l store.Lease) store.Report {
				r := delivered(l)
				r.State, r.Due, r.Attempt.Verdict = store.Ready, at, trust.TryAgain
				return r
			}
			for range count - 1 {
				first, _ := exchange(t, s, 0, 1)
				second, _ := exchange(t, s, 0, 1, failed(first[0]))
				exchange(t, s, 0, 0, delivered(second[0]))
			}
			list := func(f store.DeliveryFilter) string {
				t.Helper()
				all, err := s.Deliveries(t.Context(), f)
				check(t, err)
				var lines []string
				for _, d := range all {
					line := strings.TrimPrefix(d.Notice.Target, "http://a.example/")
					for _, a := range d.Attempts {
						line += " " + string(a.Verdict)
					}
					lines = append(lines, line)
				}
				return strings.Join(lines, ", ")
			}
			const ended = "18 try-again delivered, 17 try-again delivered"
			for want, filter := range map[string]store.DeliveryFilter{
				"19, " + ended:           {Limit: 3},
				ended:                    {State: store.Delivered, Limit: 2},
				"19":                     {BundleSID: bundleSID, State: store.Ready, Limit: 2},
				"":                       {BundleSID: "BU0", Limit: 2},
				"7 try-again delivered":  {AccountSID: accountSID, Target: "http://a.example/7", Limit: 2},
				"18 try-again delivered": {Channel: trust.Callback, Endpoint: "http://a.example:80", State: store.Delivered, Limit: 1},
			} {
				if got := list(filter); got != want {
					t.Errorf("%+v: %s, want %s", filter, got, want)
				}
			}
			for _, none := range []store.DeliveryFilter{
				{Channel: trust.Email, Limit: 1},
				{Endpoint: "http://b.example:80", Limit: 1},
				{AccountSID: "AC0", Limit: 1},
				{Target: "http://a.example/77", Limit: 1},
			} {
				if got := list(none); got != "" {
					t.Errorf("%+v: %s, want none", none, got)
				}
			}
			if got := list(store.DeliveryFilter{BundleSID: bundleSID, Limit: 100}); strings.Count(got, ",") != count-1 ||
				!strings.HasSuffix(got, ", 1 try-again delivered, 0 try-again delivered") {
				t.Errorf("all are %s", got)
			}
		})
	}
}

// TestReplayAll replays dropped notices, first some and then the rest of those that match.
func TestReplayAll(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1", "http://a.example/2", "http://b.example/3", "http://a.example/4")
			all, err := s.Deliveries(t.Context(), store.DeliveryFilter{Limit: 10})
			check(t, err)
			for _, d := range all {
				check(t, s.Drop(t.Context(), d.Notice.ID, at))
			}
			if one, err := s.Delivery(t.Context(), all[0].Notice.ID); err != nil || one.State != store.Dropped {
				t.Errorf("a dropped delivery is %+v, %v", one, err)
			}
			if _, err := s.Delivery(t.Context(), "ND0"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("an unknown delivery: %v, want ErrNotFound", err)
			}
			ofA := store.DeliveryFilter{State: store.Dropped, Endpoint: "http://a.example:80", Limit: 2}
			for i, want := range []struct {
				count  int
				states string
			}{{2, "[ready waiting dropped dropped]"}, {1, "[ready waiting dropped waiting]"}, {0, "[ready waiting dropped waiting]"}} {
				if n, err := s.ReplayAll(t.Context(), ofA, at); n != want.count || err != nil {
					t.Errorf("replay %d: %d, %v, want %d", i+1, n, err, want.count)
				}
				if got := states(t, s); got != want.states {
					t.Errorf("after replay %d: %s, want %s", i+1, got, want.states)
				}
			}
		})
	}
}
