package store_test

import (
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
				"19, " + ended: {Limit: 3},
				ended:          {State: store.Delivered, Limit: 2},
				"19":           {BundleSID: bundleSID, State: store.Ready, Limit: 2},
				"":             {BundleSID: "BU0", Limit: 2},
			} {
				if got := list(filter); got != want {
					t.Errorf("%+v: %s, want %s", filter, got, want)
				}
			}
			if got := list(store.DeliveryFilter{BundleSID: bundleSID, Limit: 100}); strings.Count(got, ",") != count-1 ||
				!strings.HasSuffix(got, ", 1 try-again delivered, 0 try-again delivered") {
				t.Errorf("all are %s", got)
			}
		})
	}
}
