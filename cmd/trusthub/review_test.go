package main

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// A decision that fails halfway changes nothing: the product still waits, and there is no notice.
func TestDecisionIsOneStep(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trusthub.db")
	now := time.Now()
	product := trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, now), "AC1", "RN1", "Acme", "a@acme.example", "", now)
	product.Status = trust.PendingReview
	useStore(t, name, func(db *store.Store) error { return db.Bundles.Create(t.Context(), product) })
	// The moment of a crash: when the decision is stored.
	storetest.UseSQL(t, name, func(db *sql.DB) {
		if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER crash BEFORE UPDATE ON bundles
			WHEN NEW.status IN ('twilio-approved', 'twilio-rejected') BEGIN SELECT RAISE(ABORT, 'the crash'); END`); err != nil {
			t.Fatal(err)
		}
	})
	for _, args := range [][]string{{"approve"}, {"reject", "--code", "18601"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--db", name, product.SID), &out, &errs); code != 1 || !strings.Contains(errs.String(), "the crash") {
			t.Fatalf("%s: status %d, %s%s", args[0], code, &out, &errs)
		}
		useStore(t, name, func(db *store.Store) error {
			waiting, err := db.UndecidedBundles(t.Context(), store.Place{}, 10)
			if len(waiting) != 1 || waiting[0].Status != trust.PendingReview {
				t.Errorf("after %s: %+v", args[0], waiting)
			}
			told, toldErr := db.Deliveries(t.Context(), store.DeliveryFilter{Limit: 10})
			if len(told) > 0 || toldErr != nil {
				t.Errorf("after %s: notices %+v, error %v", args[0], told, toldErr)
			}
			return err
		})
	}
}

// useStore opens a database, and creates it if it does not exist.
func useStore(t *testing.T, name string, use func(*store.Store) error) {
	t.Helper()
	db, err := store.Open(t.Context(), name, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := use(db); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
