package store_test

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// Benchmarks of what a request for a bundle costs the store.

func BenchmarkCreateBundle(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		b.SetParallelism(32) // as many clients for each processor
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p := draft()
				p.SID = trust.NewSID(trust.BundlePrefix, at)
				if err := s.Bundles.Create(b.Context(), p); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkCreateBundleOnce is BenchmarkCreateBundle with an idempotency key for each create.
func BenchmarkCreateBundleOnce(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p, r := draft(), request("body", at)
				p.SID = trust.NewSID(trust.BundlePrefix, at)
				r.Key = rand.Text()
				if _, err := s.Bundles.CreateOnce(b.Context(), r, p); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkFetchBundle(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		if err := s.Bundles.Create(b.Context(), draft()); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := s.Bundles.Fetch(b.Context(), store.BundlesOf(accountSID, trust.TrustProduct), draft().SID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkListBundles(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		for range 100 {
			p := draft()
			p.SID = trust.NewSID(trust.BundlePrefix, at)
			if err := s.Bundles.Create(b.Context(), p); err != nil {
				b.Fatal(err)
			}
		}
		q := store.Query{Of: store.BundlesOf(accountSID, trust.TrustProduct), Range: store.Range{Limit: 50, Bytes: 1 << 20, Step: 1000}}
		for b.Loop() {
			if part, err := s.Bundles.List(b.Context(), q); err != nil || len(part.Rows) != 50 {
				b.Fatal(len(part.Rows), err)
			}
		}
	})
}

func BenchmarkUpdateBundle(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		if err := s.Bundles.Create(b.Context(), draft()); err != nil {
			b.Fatal(err)
		}
		b.SetParallelism(32)
		var names atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				change := trust.Change{FriendlyName: new(strconv.FormatInt(names.Add(1), 10))}
				if _, err := s.UpdateBundle(b.Context(), store.BundlesOf(accountSID, trust.TrustProduct), draft().SID,
					func(p trust.Bundle) (trust.Outcome, error) {
						return trust.Policy{}.Apply(p, change, trust.AccountHolder, at)
					}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkSubmitBundle includes the creates of what is submitted.
func BenchmarkSubmitBundle(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p := draft()
				p.SID = trust.NewSID(trust.BundlePrefix, at)
				if err := s.Bundles.Create(b.Context(), p); err != nil {
					b.Error(err)
				}
				if _, err := s.UpdateBundle(b.Context(), store.BundlesOf(accountSID, trust.TrustProduct), p.SID,
					func(p trust.Bundle) (trust.Outcome, error) {
						return trust.Policy{}.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, at)
					}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func benchBundles(b *testing.B, run func(*testing.B, *store.Store)) {
	b.Helper()
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			s := storetest.Open(b, database(b))
			b.ReportAllocs()
			run(b, s)
		})
	}
}
