package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestReplayMeetsDelete has a replay and a drop come while the bundle is being deleted: they must wait for the end of that, and
// then see that it is gone. On SQLite, where each transaction is alone, nothing of this can happen.
func TestReplayMeetsDelete(t *testing.T) {
	for name, meet := range map[string]func(s *store.Store, ctx context.Context, id string) error{
		"replay": func(s *store.Store, ctx context.Context, id string) error { return s.Replay(ctx, id, at) },
		"drop":   func(s *store.Store, ctx context.Context, id string) error { return s.Drop(ctx, id, at) },
		"all dead": func(s *store.Store, ctx context.Context, _ string) error {
			n, err := s.ReplayAll(ctx, store.DeliveryFilter{State: store.Dead}, at)
			if n == 0 && err == nil {
				err = store.ErrNotFound
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := storetest.Names()["postgres"](t)
			s := withDraft(t, func(t *testing.T) *store.Store { t.Helper(); return storetest.Open(t, database) })
			notify(t, s, "http://a.example/1")
			notice := meetingNotice(t, s, name)
			done := make(chan error, 1)
			err := s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, holder, func(trust.Bundle, []trust.Status) error {
				go func() { done <- meet(s, t.Context(), notice) }()
				return awaitLock(t.Context(), database)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			if leases, _ := exchange(t, s, time.Hour, 10); len(leases) != 0 {
				t.Errorf("to be sent for a bundle that is gone: %+v", leases)
			}
		})
	}
}

// meetingNotice returns the id of the one notice, which has ended but for "drop".
func meetingNotice(t *testing.T, s *store.Store, name string) string {
	t.Helper()
	if name == "drop" {
		all, err := s.Deliveries(t.Context(), store.DeliveryFilter{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Notice.ID
	}
	leases, _ := exchange(t, s, 0, 1)
	dead := delivered(leases[0])
	dead.State = store.Dead
	exchange(t, s, 0, 0, dead)
	return leases[0].Notice.ID
}

// awaitLock returns when a session of the Postgres database waits for another one's lock.
func awaitLock(ctx context.Context, database string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", database)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it has only read
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		var waiting int
		err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil || waiting > 0 {
			return err
		}
		<-ticker.C
	}
}
