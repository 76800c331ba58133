package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestStats counts changes of a status that were committed, and no others.
func TestStats(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := withDraft(t, open)
			policy := trust.Policy{AutoReview: true, ValidFor: time.Hour}
			of := store.BundlesOf(accountSID, trust.TrustProduct)
			change := func(c trust.Change) func(trust.Bundle) (trust.Outcome, error) {
				return func(b trust.Bundle) (trust.Outcome, error) { return policy.Apply(b, c, trust.AccountHolder, at) }
			}
			name, submitted, approved := "Another", trust.PendingReview, trust.TwilioApproved
			_, err := s.UpdateBundle(t.Context(), of, bundleSID, change(trust.Change{FriendlyName: &name}))
			check(t, err)
			if _, err := s.UpdateBundle(t.Context(), of, bundleSID, change(trust.Change{Status: &approved})); err == nil {
				t.Error("the account holder can approve")
			}
			for range 2 { // the second changes nothing
				_, err = s.UpdateBundle(t.Context(), of, bundleSID, change(trust.Change{Status: &submitted}))
				check(t, err)
			}
			const limit = 10
			failed := errors.New("failed")
			if _, err := s.AdvanceBundles(t.Context(), at.Add(time.Minute), limit, func(trust.Bundle) (trust.Outcome, error) {
				return trust.Outcome{}, failed
			}); !errors.Is(err, failed) {
				t.Errorf("got %v", err)
			}
			for range 2 {
				_, err = s.AdvanceBundles(t.Context(), at.Add(time.Minute), limit, func(b trust.Bundle) (trust.Outcome, error) {
					return policy.Advance(b, at.Add(time.Minute))
				})
				check(t, err)
			}
			stats := s.Stats()
			want := map[store.StatusChange]int64{
				{Kind: trust.TrustProduct, From: trust.Draft, To: trust.PendingReview}:     1,
				{Kind: trust.TrustProduct, From: trust.PendingReview, To: trust.InReview}:  1,
				{Kind: trust.TrustProduct, From: trust.InReview, To: trust.TwilioApproved}: 1,
			}
			if diff := cmp.Diff(want, stats.StatusChanges); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			sqlite := engine == "sqlite"
			if (stats.Batches > 0) != sqlite || (stats.BatchedWrites >= stats.Batches && stats.Batches > 0) != sqlite || (stats.LogBytes > 0) != sqlite {
				t.Errorf("on %s: %+v", engine, stats)
			}
			if pool := stats.Pools["write"]; pool.MaxOpenConnections == 0 || pool.OpenConnections == 0 {
				t.Errorf("pools: %+v", stats.Pools)
			}
		})
	}
}

// TestBacklog counts open notices up to a limit, and finds which has been due the longest.
func TestBacklog(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := withDraft(t, open)
			backlog := func(now time.Time, limit int) store.Backlog {
				t.Helper()
				b, err := s.Backlog(t.Context(), now, limit)
				check(t, err)
				return b
			}
			if got := backlog(at, 10); got != (store.Backlog{}) {
				t.Errorf("of nothing: %+v", got)
			}
			_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID,
				func(b trust.Bundle) (trust.Outcome, error) {
					b.Updated = at
					notice := trust.Notice{Channel: trust.Email, Target: "a@b.example", AccountSID: accountSID, BundleSID: bundleSID, Created: at}
					later := notice
					later.Channel, later.Target, later.Created = trust.Callback, "https://b.example/", at.Add(time.Minute)
					return trust.Outcome{Bundle: b, Changed: true, Notices: []trust.Notice{notice, later, later}}, nil
				})
			check(t, err)
			if got := backlog(at.Add(-time.Second), 10); got != (store.Backlog{Open: 3}) {
				t.Errorf("before any is due: %+v", got)
			}
			if got := backlog(at.Add(time.Hour), 2); got != (store.Backlog{Open: 2, OldestDue: at}) {
				t.Errorf("counted up to 2: %+v", got)
			}
			grant := store.Grant{Queue: store.Queue{AccountSID: accountSID, Channel: trust.Email, Endpoint: "smtp"}, Limit: 1}
			leases, _, err := s.RecordAndLease(t.Context(), nil, []store.Grant{grant}, at.Add(time.Hour), time.Minute)
			check(t, err)
			if got := backlog(at.Add(time.Hour), 10); got != (store.Backlog{Open: 3, OldestDue: at.Add(time.Minute)}) {
				t.Errorf("while one is being sent: %+v", got)
			}
			released := store.Report{Lease: leases[0], State: store.Ready} // due at once, by every clock
			check(t, s.Record(t.Context(), released, at.Add(time.Hour)))
			if got := backlog(at.Add(time.Hour), 10); got != (store.Backlog{Open: 3, OldestDue: at}) {
				t.Errorf("after it was released: %+v", got)
			}
		})
	}
}
