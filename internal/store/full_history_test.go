package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// A history keeps the newest events, and that of a deleted bundle is removed in steps.
func TestHistoryIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		other := draft()
		other.SID = "BU00000000000000000000000000000002"
		check(t, errors.Join(s.Bundles.Create(t.Context(), draft()), s.Bundles.Create(t.Context(), other)))
		check(t, renameTo(t.Context(), s, other.SID, "kept"))
		for i := range store.MaxEvents + 150 {
			check(t, renameTo(t.Context(), s, bundleSID, fmt.Sprint(i)))
		}
		got := history(t, s, bundleSID) // of the numbers 1 to 1251: at 1200 those up to 200 were removed
		if len(got) != 1+1051 || got[0] != "1 created by account holder" || got[1] != "201 updated by account holder friendly_name" {
			t.Errorf("%d events, the first are %q", len(got), got[:2])
		}
		check(t, s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, holder, anyBundle))
		for _, step := range []struct {
			before time.Time
			want   int
		}{{at, 0}, {at.Add(time.Second), 1052}, {at.Add(time.Second), 0}} {
			if n, err := s.RemoveHistories(t.Context(), step.before, 10); n != step.want || err != nil {
				t.Errorf("removed %d, %v, want %d", n, err, step.want)
			}
		}
		if _, err := s.History(t.Context(), bundleSID, store.HistoryPage{Limit: 1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after its removal: %v", err)
		}
		wantHistory(t, s, other.SID, "1 created by account holder", "2 updated by account holder friendly_name")
	})
}

// Old events are removed whichever way a history reaches its limit: in the middle of an update's events, and by an event of all
// bundles that an object is assigned to.
func TestFullHistory(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		add := func(numbers ...int) {
			for _, n := range numbers {
				check(t, s.Exec(t.Context(), `INSERT INTO events (bundle_sid, number, bundle_kind, account_sid, type, actor, request_id,
					created_at, from_status, to_status, fields, errors, object_sid, position, sort_at)
					VALUES ($1, $2, 'trust-product', $3, '', '', '', 0, '', '', '', '', '', 0, 0)`, bundleSID, n, accountSID))
			}
		}
		updateUser := func() {
			_, err := s.EndUsers.UpdateObject(t.Context(), store.Scope{accountSID}, userSID, holder,
				func(*trust.EndUser, []trust.Status) (bool, error) { return true, nil })
			check(t, err)
		}
		_, err := assign(t, s, nil, "BV1", userSID)
		check(t, err)
		add(3, 100, 101, 1097)
		updateUser()
		wantNumbers(t, s, 1, 2, 3, 100, 101, 1097, 1098)
		_, err = s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID,
			func(b trust.Bundle) (trust.Outcome, error) {
				return trust.Outcome{Bundle: b, Changed: true, Events: make([]trust.Event, 3)}, nil
			})
		check(t, err)
		wantNumbers(t, s, 1, 101, 1097, 1098, 1099, 1100, 1101)
		add(200, 201, 1198)
		updateUser()
		wantNumbers(t, s, 1, 101, 200, 201, 1097, 1098, 1099, 1100, 1101, 1198, 1199)
		updateUser()
		wantNumbers(t, s, 1, 201, 1097, 1098, 1099, 1100, 1101, 1198, 1199, 1200)
	})
}

func wantNumbers(t *testing.T, s *store.Store, want ...int64) {
	t.Helper()
	events, err := s.History(t.Context(), bundleSID, store.HistoryPage{Limit: store.MaxEvents})
	check(t, err)
	var got []int64
	for _, e := range events {
		got = append(got, e.Number)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the events have the numbers %v, want %v", got, want)
	}
}
