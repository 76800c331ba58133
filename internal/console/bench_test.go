package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// BenchmarkPages fetches pages of a console of 10,000 bundles with 10 deliveries each, and 100,000 requests.
func BenchmarkPages(b *testing.B) {
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			db := storetest.Open(b, database(b))
			one := fillConsole(b, db)
			s := loggedIn(b, db, fillLog)
			for _, path := range []string{"/console/", "/console/bundles", "/console/bundles?q=acme+0x", "/console/bundles/" + one, "/console/accounts"} {
				b.Run(path, func(b *testing.B) {
					for b.Loop() {
						if got := s.send(b, http.MethodGet, path, "").Code; got != http.StatusOK {
							b.Fatalf("status %d", got)
						}
					}
				})
			}
		})
	}
}

// fillConsole stores bundles with deliveries, and returns the SID of one of them.
func fillConsole(b *testing.B, db *store.Store) string {
	b.Helper()
	var writers errgroup.Group
	writers.SetLimit(64) // which share commits
	of := func(i int) string { return fmt.Sprintf("BU%032d", i) }
	for i := range 10_000 {
		writers.Go(func() error {
			bundle := trust.NewBundle(trust.TrustProduct, of(i), accountSID, policySID, fmt.Sprint("Acme ", i), "a@acme.example", "", at)
			if err := db.Bundles.Create(b.Context(), bundle); err != nil {
				return err
			}
			_, err := db.ReviewBundle(b.Context(), bundle.SID, func(bundle trust.Bundle) (trust.Outcome, error) {
				notice := trust.Notice{
					Channel: trust.Callback, Target: "https://example.com/", AccountSID: bundle.AccountSID, BundleSID: bundle.SID,
					BundleKind: bundle.Kind, FriendlyName: bundle.FriendlyName, Status: trust.InReview, Created: at,
				}
				return trust.Outcome{Bundle: bundle, Changed: true, Notices: slices.Repeat([]trust.Notice{notice}, 10)}, nil
			})
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		b.Fatal(err)
	}
	return of(5_000)
}

// fillLog has the console keep as many requests as it can, of many accounts.
func fillLog(c *console.Config) {
	c.Requests.Log = requestlog.New(1000, c.Now)
	for i := range 100_000 {
		c.Requests.Log.Observe(api.RequestInfo{
			ID: fmt.Sprintf("RQ%032d", i), Method: "GET", Path: fmt.Sprintf("/v1/TrustProducts/BU%032d", i%10_000),
			Operation: "FetchTrustProduct", AccountSID: fmt.Sprintf("AC%032d", i%100), Status: 200,
		})
	}
}
