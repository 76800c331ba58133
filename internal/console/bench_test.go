package console_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// BenchmarkPages fetches pages of a console of 10,000 bundles with 10 deliveries each.
func BenchmarkPages(b *testing.B) {
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			db := storetest.Open(b, database(b))
			last := fillConsole(b, db)
			s := loggedIn(b, db, func(*console.Config) {})
			for _, path := range []string{"/console/", "/console/bundles", "/console/bundles?q=acme+0x", "/console/bundles/" + last, "/console/accounts"} {
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

// fillConsole stores bundles with deliveries, and returns the SID of the last one.
func fillConsole(b *testing.B, db *store.Store) (last string) {
	b.Helper()
	for i := range 10_000 {
		sid := trust.NewSID(trust.BundlePrefix, at.Add(time.Duration(i)*time.Second))
		bundle := trust.NewBundle(trust.TrustProduct, sid, accountSID, policySID, fmt.Sprint("Acme ", i), "a@acme.example", "", at)
		if err := db.Bundles.Create(b.Context(), bundle); err != nil {
			b.Fatal(err)
		}
		_, err := db.ReviewBundle(b.Context(), sid, func(of trust.Bundle) (trust.Outcome, error) {
			outcome := trust.Outcome{Bundle: of, Changed: true}
			for range 10 {
				outcome.Notices = append(outcome.Notices, trust.Notice{
					Channel: trust.Callback, Target: "https://example.com/", AccountSID: of.AccountSID, BundleSID: of.SID, BundleKind: of.Kind,
					FriendlyName: of.FriendlyName, Status: trust.InReview, Created: at,
				})
			}
			return outcome, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		last = sid
	}
	return last
}
