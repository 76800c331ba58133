package store_test

import (
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// BenchmarkAssign assigns end users to bundles, ten to each.
func BenchmarkAssign(b *testing.B) {
	const assignedToEach = 10
	benchBundles(b, func(b *testing.B, s *store.Store) {
		users, products := make([]string, assignedToEach), make([]string, b.N/assignedToEach+1)
		for i := range users {
			u := endUser()
			u.SID = trust.NewSID(trust.EndUserPrefix, at)
			users[i] = u.SID
			if err := s.EndUsers.Create(b.Context(), u); err != nil {
				b.Fatal(err)
			}
		}
		for i := range products {
			p := draft()
			p.SID = trust.NewSID(trust.BundlePrefix, at)
			products[i] = p.SID
			if err := s.Bundles.Create(b.Context(), p); err != nil {
				b.Fatal(err)
			}
		}
		var next atomic.Int64
		b.SetParallelism(32)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n := int(next.Add(1) - 1)
				a := trust.Assignment{
					SID: trust.NewSID(trust.AssignmentPrefix, at), AccountSID: accountSID, BundleSID: products[n/assignedToEach],
					ObjectSID: users[n%assignedToEach], Created: at,
				}
				_, err := s.Assign(b.Context(), store.BundlesOf(accountSID, trust.TrustProduct), nil, a, holder,
					func(trust.Bundle, store.Object) (string, error) { return "t", nil })
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
}
