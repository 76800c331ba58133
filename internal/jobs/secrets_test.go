package jobs_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/secrets"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestUnreadableToken: callbacks of an account whose auth token cannot be decrypted are attempts that failed, and are tried again
// as those to a receiver that is down, whichever retries the receivers get. Its e-mails and other accounts do not wait. With the
// right token the callbacks are delivered in order.
func TestUnreadableToken(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			keys, err := secrets.ParseKeys([]byte(secrets.GenerateKey()))
			check(t, err)
			db, err := store.Open(t.Context(), name, store.Options{Keys: keys})
			check(t, err)
			defer func() { check(t, db.Close()) }()
			w := newWorld(t, db)
			w.config.Retries = jobs.TwilioRetries() // which would give up after one
			w.worker = jobs.NewWorker(w.config)
			w.submit("BU1", "a+hold@b.example")
			other := trust.NewBundle(trust.TrustProduct, "BU2", otherSID, "RN", "Acme", "b+hold@b.example", "http://receiver.example/BU2", start)
			check(t, db.PutAccount(t.Context(), store.Account{SID: otherSID, AuthToken: "token", Created: start}))
			check(t, db.Bundles.Create(t.Context(), other))
			storetest.UseSQL(t, name, func(sql *sql.DB) {
				_, err := sql.ExecContext(t.Context(), `UPDATE accounts SET auth_token = auth_token || 'A' WHERE sid = $1`, accountSID)
				check(t, err)
			})
			_, err = db.UpdateBundle(t.Context(), store.BundlesOf(otherSID, trust.TrustProduct), "BU2", func(p trust.Bundle) (trust.Outcome, error) {
				return w.config.Policy.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, start)
			})
			check(t, err)
			w.drainAt(time.Minute)
			w.drainAt(2 * time.Minute)

			expect(t, "callbacks with an unreadable token", sorted(w.called), []string{"BU2 in-review", "BU2 pending-review"})
			expect(t, "mails", sorted(w.mailed), []string{"BU1 in-review", "BU1 pending-review", "BU2 in-review", "BU2 pending-review"})
			if got, want := w.states("BU1"), "[ready waiting]"; got != want {
				t.Errorf("states %s, want %s", got, want)
			}
			first := w.callbacks("BU1")[0]
			if len(first.Attempts) != 2 || first.Attempts[1].Verdict != trust.TryAgain || first.Attempts[1].Connected ||
				!strings.Contains(first.Attempts[1].Error, "the auth token of account "+accountSID+" cannot be decrypted") {
				t.Errorf("the first callback: %+v", first)
			}

			w.called = nil
			check(t, db.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "token", Created: start}))
			w.drainAt(10 * time.Minute)
			expect(t, "callbacks with a new token", w.called, []string{"BU1 pending-review", "BU1 in-review"})
		})
	}
}

const otherSID = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
