package jobs_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const day = 24 * time.Hour

// TestYear runs a year of the same traffic, and expects that the database stops growing when what is old is removed: after Keep,
// each new row takes the place of a removed one.
func TestYear(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["sqlite"](t)
	w := newWorld(t, storetest.Open(t, name))
	customer := w.longLived()
	const step = 7 * day
	var pages []int
	storetest.UseSQL(t, name, func(db *sql.DB) {
		for now := time.Duration(0); now < 365*day; now += step {
			w.drainAt(now)
			created := w.someDays(fmt.Sprintf("%03d", now/day), customer)
			w.drainAt(now + 2*time.Hour) // reviewed and expired
			w.deleteAll(created)
			var n int
			if err := db.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			pages = append(pages, n)
		}
	})
	t.Logf("pages every %v: %v", step, pages)
	// By then all is full: Keep is 30 days, and the bundle that lives on has the evaluations and events that it may have.
	level, end := pages[len(pages)/2], pages[len(pages)-1]
	if end > level+level/50 {
		t.Errorf("the database has %d pages after half a year, and %d after a year", level, end)
	}
	if first := pages[0]; level < 2*first {
		t.Errorf("the traffic of a few days fills %d pages, that of half a year %d: it is too little to show anything", first, level)
	}
}

// longLived creates a bundle that is there all year, whose callbacks are refused.
func (w *world) longLived() (sid string) {
	w.t.Helper()
	w.answer = func(trust.Notice) trust.Attempt {
		return trust.Attempt{Started: w.now, Verdict: trust.Refused, StatusCode: 400, Answer: strings.Repeat("x", 500)}
	}
	w.create("BU-lives", "a+reject-18601@b.example", "http://receiver.example/BU-lives")
	return "BU-lives"
}

// someDays is what customers do in a few days: they create bundles with idempotency keys, submit them, and look what they lack.
func (w *world) someDays(name, lives string) (created []string) {
	w.t.Helper()
	of := store.BundlesOf(accountSID, trust.TrustProduct)
	origin := trust.Origin{By: trust.AccountHolder, RequestID: "RQ", At: w.clock()}
	w.handIn(lives)
	for i := range 45 {
		_, err := w.db.Evaluate(w.t.Context(), of, nil, trust.Evaluation{
			SID: trust.NewSID("EL", w.clock().Add(time.Duration(i)*time.Second)), AccountSID: accountSID, BundleSID: lives, PolicySID: "RN",
			Status: trust.Noncompliant, Results: []trust.Result{{FriendlyName: strings.Repeat("y", 1000)}}, Created: w.clock(),
		}, origin, func(*trust.Evaluation, trust.Assigned) {})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for i := range 4 {
		sid := fmt.Sprintf("BU-%s-%d", name, i)
		b := trust.NewBundle(trust.TrustProduct, sid, accountSID, "RN", "Acme", "a@b.example", "http://receiver.example/"+sid, w.clock())
		request := store.Request{
			AccountSID: accountSID, Key: "key-" + sid, Operation: "CreateTrustProduct", Fingerprint: strings.Repeat("f", 64), At: w.clock(),
		}
		if _, err := w.db.Bundles.CreateOnce(w.t.Context(), request, b); err != nil {
			w.t.Fatal(err)
		}
		w.handIn(sid)
		created = append(created, sid)
	}
	return created
}

// deleteAll deletes bundles.
func (w *world) deleteAll(sids []string) {
	w.t.Helper()
	for _, sid := range sids {
		err := w.db.DeleteBundle(w.t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), sid,
			trust.Origin{By: trust.AccountHolder, At: w.clock()}, func(trust.Bundle, []trust.Status) error { return nil })
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
