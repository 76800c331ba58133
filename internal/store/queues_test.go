package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// queueNotices stores a bundle for each endpoint, with a notice that is due at a time after at.
func queueNotices(t *testing.T, s *store.Store, account string, due time.Duration, endpoints ...string) {
	t.Helper()
	for i, endpoint := range endpoints {
		p := trust.NewBundle(trust.TrustProduct, fmt.Sprintf("BU%s%v%d", account, due, i), account, "RN", "Acme", "a@b.example", "", at)
		if err := s.Bundles.Create(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		_, err := s.UpdateBundle(t.Context(), store.BundlesOf(account, trust.TrustProduct), p.SID, func(p trust.Bundle) (trust.Outcome, error) {
			return trust.Outcome{Bundle: p, Changed: true, Notices: []trust.Notice{{
				Channel: trust.Callback, Target: endpoint, AccountSID: account, BundleSID: p.SID, Created: at.Add(due),
			}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func hosts(count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprintf("http://%03d.example", i)
	}
	return all
}

// TestDueQueues: those come first that have been due for the longest, and what is not due does not count.
func TestDueQueues(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			queueNotices(t, s, "AC1", 0, "http://a.example", "http://a.example", "http://b.example")
			queueNotices(t, s, "AC2", time.Second, "http://a.example")
			queueNotices(t, s, "AC3", time.Hour, "http://a.example")
			due, all, err := s.DueQueues(t.Context(), at.Add(time.Second), 5)
			want := []store.Grant{
				{Queue: store.Queue{AccountSID: "AC1", Channel: trust.Callback, Endpoint: "http://a.example:80"}, Limit: 2},
				{Queue: store.Queue{AccountSID: "AC1", Channel: trust.Callback, Endpoint: "http://b.example:80"}, Limit: 1},
				{Queue: store.Queue{AccountSID: "AC2", Channel: trust.Callback, Endpoint: "http://a.example:80"}, Limit: 1},
			}
			if err != nil || !all || !slices.Equal(due, want) {
				t.Errorf("due %+v, all %t, %v", due, all, err)
			}
			due, all, err = s.DueQueues(t.Context(), at.Add(time.Second), 3)
			if err != nil || all || !slices.Equal(due, want[:2]) {
				t.Errorf("of three due %+v, all %t, %v", due, all, err)
			}
			lines, err := s.DueLines(t.Context(), at.Add(time.Second))
			if err != nil || !slices.Equal(lines, []store.Line{{"AC1", trust.Callback}, {"AC2", trust.Callback}}) {
				t.Errorf("lines %+v, %v", lines, err)
			}
			due, all, err = s.DueQueuesOf(t.Context(), lines[1], at.Add(time.Second), 3)
			if err != nil || !all || !slices.Equal(due, want[2:]) {
				t.Errorf("due %+v, all %t, %v", due, all, err)
			}
			next, err := s.NextDue(t.Context(), at.Add(time.Second))
			if err != nil || !next.Equal(at.Add(time.Hour)) {
				t.Errorf("next %v, %v", next, err)
			}
		})
	}
}

// TestDueEndpoints walks over an account's endpoints in steps: each is looked at once, and none of another account or channel.
func TestDueEndpoints(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			queueNotices(t, s, "AC1", 0, hosts(10)...)
			queueNotices(t, s, "AC1", time.Hour, hosts(20)[10:]...)
			queueNotices(t, s, "AC2", 0, "http://other.example")
			var seen []string
			steps := 0
			for last := ""; ; {
				due, next, err := s.DueEndpoints(t.Context(), store.Line{AccountSID: "AC1", Channel: trust.Callback}, last, 6, at)
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, due...)
				if steps++; next == "" {
					break
				}
				last = next
			}
			want := hosts(10)
			for i := range want {
				want[i] += ":80"
			}
			if !slices.Equal(seen, want) || steps != 4 {
				t.Errorf("in %d steps: %q", steps, seen)
			}
			mail := store.Line{AccountSID: "AC1", Channel: trust.Email}
			if due, last, err := s.DueEndpoints(t.Context(), mail, "", 6, at); len(due) != 0 || last != "" || err != nil {
				t.Errorf("e-mail: %q, %q, %v", due, last, err)
			}
		})
	}
}
