package store_test

import (
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestReset fills every table: what is left must be what there was with the accounts alone, and it must be usable.
func TestReset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}))
		want, err := s.Dump(t.Context())
		check(t, err)
		for range 2 {
			check(t, s.Bundles.Create(t.Context(), draft()))
			fill(t, s)
			filled, err := s.Dump(t.Context())
			check(t, err)
			check(t, s.Reset(t.Context()))
			got, err := s.Dump(t.Context())
			check(t, err)
			delete(want, "event_positions") // which go on; see TestRemovedEventsLeaveGaps
			for table := range want {
				if slices.Contains([]string{"api_keys", "console_logins", "settings"}, table) { // what opens the API and the console
					want[table] = filled[table]
				}
				if len(filled[table]) == 0 {
					t.Errorf("%s is empty, which shows nothing: fill it", table)
				}
				if !slices.Equal(got[table], want[table]) {
					t.Errorf("%s has %d rows after Reset, want %d, or they differ", table, len(got[table]), len(want[table]))
				}
			}
		}
	})
}
