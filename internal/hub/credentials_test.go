package hub_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestNoSuchAccount calls with names that no account has, some of which Postgres would not even look for.
func TestNoSuchAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := hub.New(db, trust.Policy{}, hub.Quotas{}, func() time.Time { return start })
		for _, name := range []string{"", alice.SID, "\x00", "\xff", alice.SID + "\x00", "AC\xff" + alice.SID[3:], alice.SID + "\n"} {
			if _, err := h.Authenticate(t.Context(), name, ""); !errors.Is(err, api.ErrUnauthenticated) {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// TestChangedToken changes a token in this process, where it counts at once, and in another (a second store on the same
// database), where it counts a second later at the latest.
func TestChangedToken(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			here, elsewhere := storetest.Open(t, name), storetest.Open(t, name)
			now := start
			h := hub.New(here, trust.Policy{}, hub.Quotas{}, func() time.Time { return now })
			put := func(s *store.Store, token string) {
				t.Helper()
				if err := s.PutAccount(t.Context(), store.Account{SID: alice.SID, AuthToken: token, Created: start}); err != nil {
					t.Fatal(err)
				}
			}
			expect := func(when, token string, want error) {
				t.Helper()
				if _, err := h.Authenticate(t.Context(), alice.SID, token); !errors.Is(err, want) {
					t.Errorf("%s, with %s: %v, want %v", when, token, err, want)
				}
			}
			expect("before there is an account", "", api.ErrUnauthenticated)
			put(here, "first")
			expect("at first", "first", nil)
			put(here, "second")
			expect("after a change here", "first", api.ErrUnauthenticated)
			expect("after a change here", "second", nil)
			put(elsewhere, "third")
			now = now.Add(time.Second)
			expect("a second after a change elsewhere", "second", api.ErrUnauthenticated)
			expect("a second after a change elsewhere", "third", nil)
		})
	}
}
