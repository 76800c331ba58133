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

// onTwoStores runs a test on each engine with two stores on one database, as two processes have.
func onTwoStores(t *testing.T, test func(t *testing.T, here, elsewhere *store.Store)) {
	t.Helper()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			test(t, storetest.Open(t, name), storetest.Open(t, name))
		})
	}
}

// TestChangedToken changes a token in this process, where it counts at once, and in another (a second store on the same
// database), where it counts a second later at the latest.
func TestChangedToken(t *testing.T) {
	onTwoStores(t, func(t *testing.T, here, elsewhere *store.Store) {
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
		expect("after a change elsewhere", "third", nil)
		put(elsewhere, "fourth")
		now = now.Add(time.Second)
		expect("a second after a change elsewhere", "third", api.ErrUnauthenticated)
		expect("a second after a change elsewhere", "fourth", nil)
	})
}

// TestRotation rotates the tokens of an account at one server several times. Each new token works at once at the other server,
// although that has just read the account. The old one ends at once where it was replaced, and within a second at the other.
func TestRotation(t *testing.T) {
	onTwoStores(t, func(t *testing.T, a, b *store.Store) {
		now := start
		clock := func() time.Time { return now }
		servers := map[string]*hub.Hub{
			"A": hub.New(a, trust.Policy{}, hub.Quotas{}, clock), "B": hub.New(b, trust.Policy{}, hub.Quotas{}, clock),
		}
		expect := func(when, server, token string, want error) {
			t.Helper()
			if _, err := servers[server].Authenticate(t.Context(), alice.SID, token); !errors.Is(err, want) {
				t.Errorf("%s, %s at %s: %v, want %v", when, token, server, err, want)
			}
		}
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(a.PutAccount(t.Context(), store.Account{SID: alice.SID, AuthToken: "token0", Created: start}))
		for round := range 3 {
			before, after := fmt.Sprint("token", round), fmt.Sprint("token", round+1)
			for server := range servers {
				expect("before", server, before, nil)
			}
			check(a.RotateToken(t.Context(), alice.SID, after, false))
			for server := range servers {
				expect("after the rotation", server, after, nil)
				expect("after the rotation", server, before, nil)
			}
			_, err := a.PromoteToken(t.Context(), alice.SID)
			check(err)
			expect("after the promotion", "A", before, api.ErrUnauthenticated)
			expect("after the promotion", "B", after, nil)
			now = now.Add(time.Second)
			expect("a second after the promotion", "B", before, api.ErrUnauthenticated)
			expect("a second after the promotion", "B", after, nil)
		}
	})
}

// TestPasswordsThatAreLookedUp counts the queries by closing the database: a wrong password needs one, and the right one does not.
func TestPasswordsThatAreLookedUp(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, database(t))
			h := hub.New(db, trust.Policy{}, hub.Quotas{}, func() time.Time { return start })
			if err := db.PutAccount(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
			for _, closed := range []bool{false, true} {
				if account, err := h.Authenticate(t.Context(), alice.SID, alice.AuthToken); err != nil || account != alice.SID {
					t.Errorf("closed %t, the right password: %q, %v", closed, account, err)
				}
				_, err := h.Authenticate(t.Context(), alice.SID, "wrong")
				if errors.Is(err, api.ErrUnauthenticated) == closed || err == nil {
					t.Errorf("closed %t, a wrong password: %v", closed, err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestAPIKey adds and removes keys in this process, where it counts at once, and in another, where it counts a second later at the
// latest. Erasing their account removes keys, too.
func TestAPIKey(t *testing.T) {
	onTwoStores(t, func(t *testing.T, here, elsewhere *store.Store) {
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
