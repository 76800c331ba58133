package store_test

import (
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestMark changes something of each kind: the mark is another one each time, and stays if nothing changes.
func TestMark(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mark := func() string {
			t.Helper()
			text, err := s.Mark(t.Context(), at)
			check(t, err)
			return text
		}
		b := draft()
		check(t, s.Bundles.Create(t.Context(), b))
		last := mark()
		for _, change := range []struct {
			name string
			make func()
		}{
			{"an account", func() {
				check(t, s.PutAccount(t.Context(), store.Account{SID: trust.NewSID(trust.AccountPrefix, at), AuthToken: "token", Created: at}))
			}},
			{"a bundle", func() {
				second := b
				second.SID = trust.NewSID(trust.BundlePrefix, at.Add(time.Second))
				check(t, s.Bundles.Create(t.Context(), second))
			}},
			{"callbacks", func() { notify(t, s, "http://a.example/1", "http://a.example/2") }},
			{"a delivery", func() {
				leases, _ := exchange(t, s, 0, 1)
				exchange(t, s, 0, 0, delivered(leases[0]))
			}},
			{"a deletion", func() {
				check(t, s.DeleteBundle(t.Context(), store.BundlesOf(b.AccountSID, b.Kind), b.SID, holder,
					func(trust.Bundle, []trust.Status) error { return nil }))
			}},
		} {
			change.make()
			next := mark()
			if next == last || next != mark() {
				t.Errorf("%s: the mark was %q, is %q and then %q", change.name, last, next, mark())
			}
			last = next
		}
	})
}
