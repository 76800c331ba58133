package store_test

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
)

func TestRotation(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			other := store.Account{SID: otherSID, AuthToken: "other", SecondaryToken: "other2", Created: at}
			a := store.Account{SID: accountSID, AuthToken: "first", Created: at}
			check(t, s.PutAccount(t.Context(), other))
			check(t, s.PutAccount(t.Context(), a))
			rotate := func(token string, replace bool, want error) {
				t.Helper()
				if err := s.RotateToken(t.Context(), accountSID, token, replace); !errors.Is(err, want) {
					t.Errorf("rotate to %s: %v, want %v", token, err, want)
				}
				wantAccounts(t, s, a, other)
				wantPasswords(t, s, a)
			}
			promote := func(want error) {
				t.Helper()
				promoted, err := s.PromoteToken(t.Context(), accountSID)
				if !errors.Is(err, want) || (err == nil && promoted != a) {
					t.Errorf("promoted %+v, %v, want %+v, %v", promoted, err, a, want)
				}
				wantAccounts(t, s, a, other)
				wantPasswords(t, s, a)
			}
			promote(store.ErrNoSecondaryToken)
			a.SecondaryToken = "second"
			rotate("second", false, nil)
			rotate("third", false, store.ErrSecondaryToken)
			a.SecondaryToken = "third"
			rotate("third", true, nil)
			a.AuthToken, a.SecondaryToken = "third", ""
			promote(nil)
			promote(store.ErrNoSecondaryToken)
			a.SecondaryToken = "fourth"
			rotate("fourth", true, nil)

			const unknown = "AC00000000000000000000000000000000"
			if err := s.RotateToken(t.Context(), unknown, "token", true); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("rotate for an unknown account: %v", err)
			}
			if _, err := s.PromoteToken(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("promote for an unknown account: %v", err)
			}
		})
	}
}

// TestPutAccountDuringRotation is a server that starts with the primary token, with the secondary one, and with another one.
func TestPutAccountDuringRotation(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			for token, want := range map[string]store.Account{
				"old":   {AuthToken: "old", SecondaryToken: "new"},
				"new":   {AuthToken: "new"},
				"third": {AuthToken: "third", SecondaryToken: "new"},
			} {
				check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "old", Created: at}))
				check(t, s.RotateToken(t.Context(), accountSID, "new", true))
				check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: token, Created: at.AddDate(1, 0, 0)}))
				want.SID, want.Created = accountSID, at
				wantAccounts(t, s, want)
				wantPasswords(t, s, want)
			}
		})
	}
}

// TestRotationsAtOnce: of several rotations, one gives the account its token, and the others say that it has one.
func TestRotationsAtOnce(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "old", Created: at}))
			tokens := []string{"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"}
			given := make(chan string, len(tokens))
			var group errgroup.Group
			for _, token := range tokens {
				group.Go(func() error {
					err := s.RotateToken(t.Context(), accountSID, token, false)
					if err == nil {
						given <- token
					} else if errors.Is(err, store.ErrSecondaryToken) {
						err = nil
					}
					return err
				})
			}
			check(t, group.Wait())
			if len(given) != 1 {
				t.Fatalf("%d rotations succeeded, want 1", len(given))
			}
			wantAccounts(t, s, store.Account{SID: accountSID, AuthToken: "old", SecondaryToken: <-given, Created: at})
		})
	}
}

// wantPasswords expects the credential of the account to accept its tokens only.
func wantPasswords(t *testing.T, s *store.Store, a store.Account) {
	t.Helper()
	c, err := s.Credential(t.Context(), a.SID)
	check(t, err)
	for _, token := range []string{"", "old", "new", "first", "second", "third", "fourth"} {
		want := token != "" && slices.Contains([]string{a.AuthToken, a.SecondaryToken}, token)
		if got := c.Accepts(token); got != want {
			t.Errorf("accepts %q: %t, want %t", token, got, want)
		}
	}
}
