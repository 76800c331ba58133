package store

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// An account is stored as a server of the version before schema 11 does: without a Primary Customer Profile.
func addOldAccount(t *testing.T, name, sid string, created int64) {
	t.Helper()
	execute(fmt.Sprintf(`INSERT INTO accounts (sid, auth_token, created_at) VALUES ('%s', 'token', %d)`, sid, created))(t, name)
}

// TestPrimariesOfOlderVersions migrates a database of schema 10, whose accounts have no Primary Customer Profile. One that a server
// of that version adds later gets its own when this version stores that account again or starts a server.
func TestPrimariesOfOlderVersions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		const first, second, third, fourth = "ACb1", "ACa2", "ACa3", "ACa4"
		migrateTo(10)(t, name)
		addOldAccount(t, name, first, 1)
		addOldAccount(t, name, second, 2)
		s, err := Open(t.Context(), name, Options{})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		wantPrimaries(t, s, first, second)

		addOldAccount(t, name, third, 3)
		must(t, s.PutAccount(t.Context(), Account{SID: third, AuthToken: "new", Created: fromMicros(99)}))
		wantPrimaries(t, s, first, second, third)

		addOldAccount(t, name, fourth, 4)
		existing, err := Open(t.Context(), name, Options{Access: Existing}) // as the commands do beside the servers
		must(t, errors.Join(err, existing.Close()))
		if _, err := s.Bundles.Fetch(t.Context(), BundlesOf(fourth, trust.CustomerProfile), trust.PrimarySID(fourth)); !errors.Is(err, ErrNotFound) {
			t.Errorf("an account has a Primary that nobody can have added: %v", err)
		}
		next, err := Open(t.Context(), name, Options{})
		must(t, errors.Join(err, next.Close()))
		wantPrimaries(t, s, first, second, third, fourth)
	})
}

// wantPrimaries wants each of all accounts to have an approved Primary Customer Profile that never changes, and no other profile.
func wantPrimaries(t *testing.T, s *Store, accountSIDs ...string) {
	t.Helper()
	all, err := s.Accounts(t.Context())
	must(t, err)
	if len(all) != len(accountSIDs) {
		t.Errorf("there are %d accounts, want %d", len(all), len(accountSIDs))
	}
	var profiles int
	must(t, s.read(t.Context()).row(`SELECT COUNT(*) FROM bundles WHERE kind = 'customer-profile'`).Scan(&profiles))
	if profiles != len(all) {
		t.Errorf("there are %d profiles of %d accounts", profiles, len(all))
	}
	for _, account := range all {
		want := trust.Bundle{
			SID: trust.PrimarySID(account.SID), Kind: trust.CustomerProfile, AccountSID: account.SID, PolicySID: trust.PrimaryPolicySID,
			FriendlyName: "Primary Customer Profile", Status: trust.TwilioApproved, Created: account.Created, Updated: account.Created,
		}
		got, err := s.Bundles.Fetch(t.Context(), BundlesOf(account.SID, trust.CustomerProfile), want.SID)
		if err != nil || !reflect.DeepEqual(got, want) || !got.IsPrimary() {
			t.Errorf("%s has %+v, want %+v: %v", account.SID, got, want, err)
		}
	}
	if due, err := s.NextAdvance(t.Context()); err != nil || !due.IsZero() {
		t.Errorf("a bundle is due at %v, %v", due, err)
	}
}

// TestAccountsOfManyServers has several servers start, and store accounts, at the same moment, some of them the same ones, on a
// database with many accounts that a server of an older version has added. None may wait for another that waits for it.
func TestAccountsOfManyServers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		const servers, each, old = 4, 10, 50
		first, err := Open(t.Context(), name, Options{})
		must(t, err)
		defer func() { must(t, first.Close()) }()
		var sids []string
		for i := range old {
			sids = append(sids, fmt.Sprintf("ACa%d", i))
			addOldAccount(t, name, sids[i], 1)
		}
		for n := range each {
			sids = append(sids, fmt.Sprintf("ACb%d", n))
		}
		var group errgroup.Group
		for range servers {
			group.Go(func() error {
				s, err := Open(t.Context(), name, Options{})
				if err != nil {
					return err
				}
				for n := range each {
					a := Account{SID: fmt.Sprintf("ACb%d", n), AuthToken: "token", Created: fromMicros(2)}
					err = errors.Join(err, s.PutAccount(t.Context(), a))
				}
				made, firstErr := s.FirstAccount(t.Context(), Account{SID: "ACc"})
				if made {
					t.Error("it made a first account")
				}
				return errors.Join(err, firstErr, s.Close())
			})
		}
		must(t, group.Wait())
		wantPrimaries(t, first, sids...)
		if IsPostgres(name) {
			var deadlocks int
			must(t, first.read(t.Context()).row(
				`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks))
			if deadlocks > 0 {
				t.Errorf("%d deadlocks", deadlocks)
			}
		}
	})
}

// TestAccountWithPrimaryIsOneWrite has the second of the two statements fail: then there is no account either.
func TestAccountWithPrimaryIsOneWrite(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		s, err := Open(t.Context(), name, Options{})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		execute(`ALTER TABLE bundles RENAME TO hidden`)(t, name)
		if err := s.PutAccount(t.Context(), Account{SID: "AC1"}); err == nil {
			t.Error("an account was stored without its Primary")
		}
		if _, err := s.FirstAccount(t.Context(), Account{SID: "AC1"}); err == nil {
			t.Error("a first account was stored without its Primary")
		}
		if _, err := s.Account(t.Context(), "AC1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("the account: %v", err)
		}
		execute(`ALTER TABLE hidden RENAME TO bundles`)(t, name)
		must(t, s.PutAccount(t.Context(), Account{SID: "AC1", Created: time.Unix(1, 0).UTC()}))
		wantPrimaries(t, s, "AC1")
	})
}
