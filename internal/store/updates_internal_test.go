package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestUpdateWritesFewPages: an update writes the page of the row, and those of the indexes whose columns it changes.
func TestUpdateWritesFewPages(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trusthub.db")
	s, err := Open(t.Context(), name, Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // a test's database
	of := BundlesOf("AC1", trust.TrustProduct)
	must(t, s.Bundles.Create(t.Context(), trust.Bundle{
		SID: "BU1", Kind: trust.TrustProduct, AccountSID: "AC1", Status: trust.Draft,
	}))
	for _, test := range []struct {
		change string
		edit   func(*trust.Bundle)
		pages  int64
	}{
		{"nothing", func(*trust.Bundle) {}, 0},
		{"another name", func(b *trust.Bundle) { b.FriendlyName = "Acme" }, 1},
		{"another status", func(b *trust.Bundle) { b.Status = trust.PendingReview }, 2}, // the row and bundles_by_status
		{"a review to come", func(b *trust.Bundle) { b.Due = fromMicros(9) }, 3},        // the row, bundles_due and bundles_in_review
		{"another name during a review", func(b *trust.Bundle) { b.FriendlyName = "Acme Inc" }, 1},
	} {
		_, err := s.reader.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
		must(t, err)
		want, err := s.Bundles.Update(t.Context(), of, "BU1", func(b *trust.Bundle) (bool, error) {
			test.edit(b)
			return true, nil
		})
		must(t, err)
		info, err := os.Stat(name + "-wal")
		must(t, err)
		if pages := info.Size() / 4120; pages != test.pages { // a page of 4096 bytes has a header of 24
			t.Errorf("%s: %d pages are written, want %d", test.change, pages, test.pages)
		}
		if got, err := s.Bundles.Fetch(t.Context(), of, "BU1"); err != nil || got.Status != want.Status ||
			got.FriendlyName != want.FriendlyName || !got.Due.Equal(want.Due) {
			t.Errorf("%s: %+v is stored (%v), want %+v", test.change, got, err, want)
		}
	}
}
