package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// seeded are n bundles, each with an end user, a document and a phone number.
func seeded(n int) (c store.Contents, sids []string) {
	for i := range n {
		bundle, user, document := fmt.Sprintf("BU%032d", i), fmt.Sprintf("IT%032d", i), fmt.Sprintf("RD%032d", i)
		number := fmt.Sprintf("PN%032d", i)
		c.Bundles = append(c.Bundles, trust.Bundle{
			SID: bundle, Kind: trust.CustomerProfile, AccountSID: accountSID, PolicySID: "RN1", Status: trust.PendingReview,
			Created: at, Updated: at, Due: at,
		})
		c.EndUsers = append(c.EndUsers, trust.EndUser{SID: user, AccountSID: accountSID, Created: at})
		c.Documents = append(c.Documents, trust.SupportingDocument{SID: document, AccountSID: accountSID, Created: at})
		for _, object := range []string{user, document} {
			c.Assignments = append(c.Assignments, trust.Assignment{
				SID: "BV" + object, AccountSID: accountSID, BundleSID: bundle, ObjectSID: object, Created: at,
			})
		}
		c.ChannelEndpoints = append(c.ChannelEndpoints, trust.ChannelEndpoint{
			SID: "RA" + number, AccountSID: accountSID, BundleSID: bundle, PolicySID: "RN1", EndpointSID: number, Created: at,
		})
		sids = append(sids, bundle, user, document, number)
	}
	return c, sids
}

// count is how many rows of each table there are.
func count(c store.Contents) string {
	return fmt.Sprint(len(c.Bundles), len(c.EndUsers), len(c.Documents), len(c.Assignments), len(c.ChannelEndpoints))
}

// seed stores rows unless there are some already, and returns what was found.
func seed(ctx context.Context, s *store.Store, rows store.Contents, sids []string) (before store.Contents, err error) {
	err = s.Seed(ctx, accountSID, sids, holder, func(found store.Contents) (store.Contents, error) {
		before = found
		if len(found.Bundles) > 0 {
			return store.Contents{}, nil
		}
		return rows, nil
	})
	return before, err
}

// TestSeed stores more rows than one statement inserts or finds.
func TestSeed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		rows, sids := seeded(600)
		if _, err := seed(t.Context(), s, rows, sids); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("got %v for an unknown account, want ErrNotFound", err)
		}
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
		before, err := seed(t.Context(), s, rows, sids)
		check(t, err)
		if got := count(before); got != "0 0 0 0 0" {
			t.Errorf("found %s in an empty database", got)
		}
		select {
		case <-s.Woken():
		default:
			t.Error("the worker was not woken for bundles that are due")
		}
		after, err := seed(t.Context(), s, rows, sids)
		check(t, err)
		if got, want := count(after), count(rows); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	})
}

// TestSeedWhoseRows: objects of other accounts are found, because they would be in the way. Phone numbers of others are not.
func TestSeedWhoseRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const other = "AC99999999999999999999999999999999"
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
		check(t, s.PutAccount(t.Context(), store.Account{SID: other}))
		rows, sids := seeded(1)
		_, err := seed(t.Context(), s, rows, sids)
		check(t, err)
		var found store.Contents
		check(t, s.Seed(t.Context(), other, sids, holder, func(f store.Contents) (store.Contents, error) {
			found = f
			return store.Contents{}, nil
		}))
		if got, want := count(found), "1 1 1 2 0"; got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	})
}

// TestSeedAllOrNothing: neither an error of the caller nor one of the last row leaves anything behind.
func TestSeedAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
		rows, sids := seeded(100)
		refused := errors.New("refused")
		err := s.Seed(t.Context(), accountSID, sids, holder, func(store.Contents) (store.Contents, error) { return rows, refused })
		if !errors.Is(err, refused) {
			t.Errorf("got %v, want the error of the caller", err)
		}
		twice := rows
		twice.ChannelEndpoints = append(twice.ChannelEndpoints, rows.ChannelEndpoints[0])
		if _, err := seed(t.Context(), s, twice, sids); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v for a row that is there already, want ErrUnavailable", err)
		}
		before, err := seed(t.Context(), s, rows, sids)
		check(t, err)
		if got := count(before); got != "0 0 0 0 0" {
			t.Errorf("found %s after failures, want nothing", got)
		}
	})
}

// TestSeedConcurrently: of several that seed the same at once, one stores it and the others find it.
func TestSeedConcurrently(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		check(t, s.PutAccount(ctx, store.Account{SID: accountSID}))
		rows, sids := seeded(100)
		var stored atomic.Int32
		var group errgroup.Group
		for range 4 {
			group.Go(func() error {
				before, err := seed(ctx, s, rows, sids)
				if len(before.Bundles) == 0 {
					stored.Add(1)
				}
				return err
			})
		}
		check(t, group.Wait())
		if got := stored.Load(); got != 1 {
			t.Errorf("%d have stored the rows, want 1", got)
		}
	})
}
