package hub_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestUnknownUserName calls with names that no account and no key has, some of which Postgres would not even look for.
func TestUnknownUserName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := hub.New(db, trust.Policy{}, hub.Quotas{}, func() time.Time { return start })
		for _, name := range []string{
			"", alice.SID, "\x00", "\xff", alice.SID + "\x00", "AC\xff" + alice.SID[3:], alice.SID + "\n",
			"SK", "SK" + alice.SID[2:], "SK\xff" + alice.SID[3:], "SK\x00" + alice.SID[3:],
		} {
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

// TestAPIKey adds and removes keys in this process, where it counts at once, and in another, where it counts a second later at the
// latest. Erasing their account removes keys, too.
func TestAPIKey(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			here, elsewhere := storetest.Open(t, name), storetest.Open(t, name)
			now := start
			h := hub.New(here, trust.Policy{}, hub.Quotas{}, func() time.Time { return now })
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			sid := func(number int) string { return fmt.Sprintf("SK%032d", number) }
			add := func(s *store.Store, number int) {
				t.Helper()
				check(s.AddAPIKey(t.Context(), store.APIKey{SID: sid(number), AccountSID: alice.SID, Created: start}, "keysecret"))
			}
			expect := func(when string, number int, secret, want string) {
				t.Helper()
				account, err := h.Authenticate(t.Context(), sid(number), secret)
				if account != want || errors.Is(err, api.ErrUnauthenticated) != (want == "") {
					t.Errorf("%s, key %d with %s: %q, %v, want %q", when, number, secret, account, err, want)
				}
			}
			check(here.PutAccount(t.Context(), alice))
			expect("before there is a key", 1, "keysecret", "")
			add(here, 1)
			add(elsewhere, 2)
			expect("after it was added here", 1, "keysecret", alice.SID)
			expect("after it was added elsewhere", 2, "keysecret", alice.SID)
			expect("with a wrong secret", 1, "wrong", "")
			expect("with the auth token", 1, alice.AuthToken, "")
			check(here.RemoveAPIKey(t.Context(), sid(1)))
			expect("after it was removed here", 1, "keysecret", "")
			expect("after another was removed", 2, "keysecret", alice.SID)
			check(elsewhere.RemoveAPIKey(t.Context(), sid(2)))
			now = now.Add(time.Second)
			expect("a second after it was removed elsewhere", 2, "keysecret", "")
			add(here, 3)
			expect("before the erasure", 3, "keysecret", alice.SID)
			_, err := here.Erase(t.Context(), store.Erasure{AccountSID: alice.SID, By: trust.Origin{By: trust.Operator, At: start}})
			check(err)
			expect("after the erasure of the account", 3, "keysecret", "")
		})
	}
}
