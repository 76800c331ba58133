package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// notify changes the bundle's status and causes a callback to each of the targets, in order.
func notify(t *testing.T, s *store.Store, targets ...string) {
	t.Helper()
	for _, target := range targets {
		_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(p trust.Bundle) (trust.Outcome, error) {
			n := trust.Notice{
				Channel: trust.Callback, Target: target, AccountSID: accountSID, BundleSID: p.SID,
				FriendlyName: "Acme", Status: trust.TwilioRejected, Errors: []int{18601, 18602}, Created: at,
				TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			}
			return trust.Outcome{Bundle: p, Changed: true, Notices: []trust.Notice{n}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// withDraft opens the engine with an account and a draft in it.
func withDraft(t *testing.T, open opener) *store.Store {
	t.Helper()
	s := open(t)
	if err := s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: at}); err != nil {
		t.Fatal(err)
	}
	if err := s.Bundles.Create(t.Context(), draft()); err != nil {
		t.Fatal(err)
	}
	return s
}

// exchange reports and leases up to room notices of each endpoint for an hour, at a time after at.
func exchange(t *testing.T, s *store.Store, after time.Duration, room int, reports ...store.Report) ([]store.Lease, time.Time) {
	t.Helper()
	return exchangeFor(t, s, time.Hour, after, room, reports...)
}

// ended is how long a lease lasts that has ended as soon as it is there.
const ended = -time.Second

// exchangeFor is exchange with leases of another duration.
func exchangeFor(
	t *testing.T, s *store.Store, duration, after time.Duration, room int, reports ...store.Report,
) ([]store.Lease, time.Time) {
	t.Helper()
	now := at.Add(after)
	if err := s.EndLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.RecordAndLease(t.Context(), reports, nil, now, duration); err != nil {
		t.Fatal(err)
	}
	grants, all, err := s.DueQueues(t.Context(), now, 100)
	if err != nil || !all {
		t.Fatalf("all that is due: %t, %v", all, err)
	}
	for i := range grants {
		grants[i].Limit = min(grants[i].Limit, room)
	}
	leases, _, err := s.RecordAndLease(t.Context(), nil, grants, now, duration)
	if err != nil {
		t.Fatal(err)
	}
	next, err := s.NextDue(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return leases, next
}

func delivered(l store.Lease) store.Report {
	return store.Report{
		Lease: l, State: store.Delivered,
		Attempt: trust.Attempt{
			Started: at, Duration: time.Millisecond, Verdict: trust.Delivered, StatusCode: 200, Answer: "ok", Error: "none",
		},
	}
}

func states(t *testing.T, s *store.Store) string {
	t.Helper()
	all, err := s.Deliveries(t.Context(), store.DeliveryFilter{BundleSID: bundleSID, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var states []store.State
	for i := range all {
		states = append(states, all[len(all)-1-i].State)
	}
	return fmt.Sprint(states)
}

func TestNoticesGoInOrder(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1", "http://a.example/2", "http://b.example/3")
			first, _ := exchange(t, s, 0, 10)
			if len(first) != 1 || first[0].Notice.Target != "http://a.example/1" || first[0].AuthToken != "token" ||
				first[0].Notice.FriendlyName != "Acme" || len(first[0].Notice.Errors) != 2 {
				t.Fatalf("leased %+v", first)
			}
			// However far a server's clock is ahead.
			if again, next := exchange(t, s, 24*time.Hour, 10); len(again) != 0 || !next.IsZero() {
				t.Errorf("leased twice: %+v, next %v", again, next)
			}
			second, _ := exchange(t, s, time.Second, 10, delivered(first[0]))
			if len(second) != 1 || second[0].Notice.Target != "http://a.example/2" {
				t.Fatalf("after the first: %+v", second)
			}
			if full, _ := exchange(t, s, time.Second, 0, delivered(second[0])); len(full) != 0 {
				t.Errorf("leased without room: %+v", full)
			}
			if got := states(t, s); got != "[delivered delivered ready]" {
				t.Errorf("states %s", got)
			}
		})
	}
}

func TestReportsOfALostLeaseAreIgnored(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1")
			lost, _ := exchangeFor(t, s, ended, 0, 1)
			held, _ := exchange(t, s, -time.Minute, 1) // however far a server's clock is behind
			if len(held) != 1 {
				t.Fatal("the lease has not ended")
			}
			exchange(t, s, time.Minute, 0, delivered(lost[0]))
			if got := states(t, s); got != "[sending]" {
				t.Errorf("after the late report: %s", got)
			}
			exchange(t, s, time.Minute, 0, delivered(held[0]), delivered(held[0]))
			all, err := s.Deliveries(t.Context(), store.DeliveryFilter{State: store.Delivered, Limit: 10})
			if err != nil || len(all) != 1 || len(all[0].Attempts) != 1 {
				t.Fatalf("%+v, %v", all, err)
			}
			want := delivered(held[0]).Attempt
			if all[0].Attempts[0] != want {
				t.Errorf("attempt %+v, want %+v", all[0].Attempts[0], want)
			}
		})
	}
}

// TestLateReport reports on a lease that has ended, but whose notice nobody else has taken yet.
func TestLateReport(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1")
			late, _ := exchangeFor(t, s, ended, 0, 1)
			exchange(t, s, 0, 0) // notices that the lease has ended
			exchange(t, s, 0, 0, delivered(late[0]))
			if got := states(t, s); got != "[delivered]" {
				t.Errorf("states %s", got)
			}
		})
	}
}

// TestReturnedLease gives a lease back: another server gets it at once, however far its clock is behind, and no attempt is
// counted.
func TestReturnedLease(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1", "http://a.example/2")
			first, _ := exchange(t, s, 0, 1)
			exchange(t, s, 0, 0, store.Report{Lease: first[0], State: store.Ready})
			all, err := s.Deliveries(t.Context(), store.DeliveryFilter{State: store.Ready, Limit: 10})
			if err != nil || len(all) != 1 || len(all[0].Attempts) != 0 || !all[0].Due.Equal(at) {
				t.Errorf("%+v, %v", all, err)
			}
			again, _ := exchange(t, s, -time.Minute, 1)
			if len(again) != 1 || again[0].Notice.ID != first[0].Notice.ID || again[0].Tries != 0 {
				t.Fatalf("leased %+v", again)
			}
			exchange(t, s, 0, 0, delivered(first[0])) // it is not theirs any more
			exchange(t, s, 0, 0, delivered(again[0]))
			if got := states(t, s); got != "[delivered ready]" {
				t.Errorf("states %s", got)
			}
		})
	}
}

// TestReplayTakesItsPlace replays the first of two, of which the second waits for its next attempt.
func TestReplayTakesItsPlace(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1", "http://a.example/2")
			first, _ := exchange(t, s, 0, 1)
			dead := delivered(first[0])
			dead.State = store.Dead
			second, _ := exchange(t, s, 0, 1, dead)
			later := delivered(second[0])
			later.State, later.Due = store.Ready, at.Add(time.Hour)
			exchange(t, s, 0, 0, later)
			if got := states(t, s); got != "[dead ready]" {
				t.Fatalf("states %s", got)
			}
			if n, err := s.ReplayAll(t.Context(), store.DeliveryFilter{State: store.Dead}, at); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			if got := states(t, s); got != "[ready waiting]" {
				t.Errorf("after the replay: %s", got)
			}
			again, _ := exchange(t, s, 0, 1)
			if len(again) != 1 || again[0].Notice.ID != first[0].Notice.ID || again[0].Tries != 0 {
				t.Errorf("leased %+v", again)
			}
			for _, id := range []string{"ND0", ""} {
				if err := s.Replay(t.Context(), id, at); err == nil {
					t.Errorf("replayed %q, which does not exist", id)
				}
			}
		})
	}
}

// TestPanicInsideATransaction: it must cost one caller his request, and not all others the database.
func TestPanicInsideATransaction(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(trust.Bundle) (trust.Outcome, error) {
				panic("a defect with a customer's secret")
			})
			if err == nil || !strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.PutAccount(ctx, store.Account{SID: otherSID, AuthToken: "token", Created: at}); err != nil {
				t.Errorf("the next write: %v", err)
			}
		})
	}
}

// TestNothingIsSentForADeletedBundle deletes a bundle with one notice on its way, one waiting and one dead.
func TestNothingIsSentForADeletedBundle(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := withDraft(t, open)
			notify(t, s, "http://a.example/1", "http://a.example/2", "http://a.example/3")
			first, _ := exchange(t, s, 0, 1)
			dead := delivered(first[0])
			dead.State = store.Dead
			sending, _ := exchange(t, s, 0, 1, dead)
			refused := errors.New("refused")
			refuse := func(trust.Bundle, []trust.Status) error { return refused }
			if err := s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, holder, refuse); !errors.Is(err, refused) {
				t.Errorf("got %v", err)
			}
			allow := func(trust.Bundle, []trust.Status) error { return nil }
			if err := s.DeleteBundle(t.Context(), store.BundlesOf(otherSID, trust.TrustProduct), bundleSID, holder, allow); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another account: %v", err)
			}
			check(t, s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, holder, allow))
			if leased, _ := exchange(t, s, time.Hour, 10, delivered(sending[0])); len(leased) != 0 {
				t.Errorf("leased %+v", leased)
			}
			if got := states(t, s); got != "[dead dropped dropped]" {
				t.Errorf("states %s", got)
			}
			if n, err := s.ReplayAll(t.Context(), store.DeliveryFilter{State: store.Dead}, at); n != 0 || err != nil {
				t.Errorf("replayed %d, %v", n, err)
			}
			if err := s.Replay(t.Context(), first[0].Notice.ID, at); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("replay: %v", err)
			}
		})
	}
}
