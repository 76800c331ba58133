package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
)

func TestAccounts(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			wantAccounts(t, s)
			if _, err := s.Account(t.Context(), accountSID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("unknown account: error %v, want ErrNotFound", err)
			}

			older := store.Account{SID: otherSID, AuthToken: "older", Created: at}
			newer := store.Account{SID: accountSID, AuthToken: "newer", Created: at.Add(time.Microsecond)}
			for _, account := range []store.Account{newer, older} {
				check(t, s.PutAccount(t.Context(), account))
			}
			wantAccounts(t, s, older, newer)

			// A new token, and everything else as it was.
			check(t, s.PutAccount(t.Context(), store.Account{SID: newer.SID, AuthToken: "rotated", Created: at.AddDate(1, 0, 0)}))
			newer.AuthToken = "rotated"
			wantAccounts(t, s, older, newer)
		})
	}
}

func TestFirstAccount(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			first := store.Account{SID: accountSID, AuthToken: "first", Created: at}
			for i, account := range []store.Account{first, first, {SID: otherSID, AuthToken: "second", Created: at}} {
				stored, err := s.FirstAccount(t.Context(), account)
				if err != nil || stored != (i == 0) {
					t.Errorf("try %d: stored %t, error %v", i, stored, err)
				}
			}
			wantAccounts(t, s, first)
		})
	}
}

func TestFirstAccountOfManyAtOnce(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			var stored atomic.Int64
			var group errgroup.Group
			for i := range 16 {
				group.Go(func() error {
					first, err := s.FirstAccount(t.Context(), store.Account{SID: fmt.Sprint("AC", i), AuthToken: "t", Created: at})
					if first {
						stored.Add(1)
					}
					return err
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			all, err := s.Accounts(t.Context())
			if err != nil || len(all) != 1 || stored.Load() != 1 {
				t.Errorf("%d accounts, %d callers were told that theirs was stored, error %v", len(all), stored.Load(), err)
			}
		})
	}
}

// wantAccounts wants exactly these, in this order, from the list and one by one.
func wantAccounts(t *testing.T, s *store.Store, want ...store.Account) {
	t.Helper()
	got, err := s.Accounts(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("accounts %+v, error %v, want %+v", got, err, want)
	}
	for _, account := range want {
		if got, err := s.Account(t.Context(), account.SID); err != nil || got != account {
			t.Errorf("account %+v, error %v, want %+v", got, err, account)
		}
	}
}
