package console_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// BenchmarkPages fetches pages of a console of 10,000 bundles, 100,000 deliveries and 100,000 requests.
func BenchmarkPages(b *testing.B) {
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			name := database(b)
			db := storetest.Open(b, name)
			last := fillConsole(b, db)
			addDeliveries(b, engine, name)
			s := loggedIn(b, db, fillLog)
			for _, path := range []string{
				"/console/", "/console/bundles", "/console/bundles?q=acme+0x", "/console/bundles/" + last, "/console/accounts", "/console/reviews",
				"/console/deliveries", "/console/deliveries?state=all", "/console/deliveries?state=queued",
				"/console/deliveries?state=dropped&endpoint=x", "/console/deliveries/replay", "/console/messages",
				"/console/messages?to=nobody", "/console/requests", "/console/requests?show=refused",
			} {
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

// fillConsole stores bundles with a change each, and returns the SID of the last one.
func fillConsole(b *testing.B, db *store.Store) (last string) {
	b.Helper()
	for i := range 10_000 {
		sid := trust.NewSID(trust.BundlePrefix, at.Add(time.Duration(i)*time.Second))
		bundle := trust.NewBundle(trust.TrustProduct, sid, accountSID, policySID, fmt.Sprint("Acme ", i), "a@acme.example", "", at)
		if err := db.Bundles.Create(b.Context(), bundle); err != nil {
			b.Fatal(err)
		}
		_, err := db.ReviewBundle(b.Context(), sid, func(of trust.Bundle) (trust.Outcome, error) {
			return trust.Outcome{Bundle: of, Changed: true}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		last = sid
	}
	return last
}

// addDeliveries stores 100,000 deliveries with an attempt each, of which 1 in 100 is dead and the others have arrived, and has
// some bundles wait for a reviewer.
func addDeliveries(b *testing.B, engine, name string) {
	b.Helper()
	db, err := sql.Open(map[string]string{"sqlite": "sqlite", "postgres": "pgx"}[engine], name)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing more is written
	for _, statement := range []string{
		`INSERT INTO notices (id, channel, target, endpoint, account_sid, bundle_sid, friendly_name, status, errors, created_at,
				position, state, tries, due_at, lease, ended_at, leased_until, bundle_kind)
			WITH RECURSIVE numbers (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM numbers WHERE k < 9),
				places AS (SELECT sid, ROW_NUMBER() OVER (ORDER BY sid, k) AS n FROM bundles CROSS JOIN numbers)
			SELECT 'ND' || (10000000 + n), CASE WHEN n % 2 = 0 THEN 'email' ELSE 'callback' END, 'a@acme.example', 'smtp', '` +
			accountSID + `', sid, 'Acme', 'twilio-approved', '', n, n,
				CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'delivered' END, 1, 0, '', n, 0, 'trust-product' FROM places`,
		`INSERT INTO attempts (notice_id, number, started_at, duration, verdict, status_code, answer, error)
			SELECT id, 1, 1, 1000, 'delivered', 200, 'ok', '' FROM notices`,
		`UPDATE bundles SET status = 'pending-review' WHERE sid LIKE '%0' OR sid LIKE '%8'`,
		`ANALYZE`,
	} {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
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
