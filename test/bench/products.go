package main

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// preparers is how many goroutines prepare what is measured later.
const preparers = 256

// inParallel calls do for each number below count.
func inParallel(ctx context.Context, count int, do func(ctx context.Context, number int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(preparers, count) {
		group.Go(func() error {
			for n := int(next.Add(1) - 1); n < count; n = int(next.Add(1) - 1) {
				if err := do(ctx, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// makeDrafts stores products without requests, and returns their SIDs.
func makeDrafts(ctx context.Context, db *store.Store, count int, callback string) ([]string, error) {
	sids := make([]string, count)
	return sids, inParallel(ctx, count, func(ctx context.Context, n int) error {
		now := time.Now()
		sids[n] = trust.NewSID(trust.BundlePrefix, now)
		p := trust.NewBundle(trust.TrustProduct, sids[n], accountSID, policySID, "Acme", email, callback, now)
		return db.Bundles.Create(ctx, p)
	})
}

// makeSubmitted stores products that are submitted, so that each has a callback to be sent and an e-mail.
func makeSubmitted(ctx context.Context, db *store.Store, count int, callback string) error {
	sids, err := makeDrafts(ctx, db, count, callback)
	if err != nil {
		return err
	}
	of := store.BundlesOf(accountSID, trust.TrustProduct)
	return inParallel(ctx, count, func(ctx context.Context, n int) error {
		_, err := db.UpdateBundle(ctx, of, sids[n], func(p trust.Bundle) (trust.Outcome, error) {
			return policy().Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, time.Now())
		})
		return err
	})
}
