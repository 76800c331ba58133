package store

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestUpdateWritesNoIndex: an update that changes no column of an index writes the page of the row, and none of an index.
func TestUpdateWritesNoIndex(t *testing.T) {
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
		{"another name", func(b *trust.Bundle) { b.FriendlyName = "Acme" }, 1},
		{"another status", func(b *trust.Bundle) { b.Status = trust.PendingReview }, 2}, // the row and bundles_by_status
		{"a review to come", func(b *trust.Bundle) { b.Due = fromMicros(9) }, 4},        // two new entries, the status again
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

// TestIndexColumns compares the columns that are marked as part of an index with the indexes that the migrations make.
func TestIndexColumns(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // a test's database
	wantIndexColumns(t, s, bundles)
	wantIndexColumns(t, s, endUsers)
	wantIndexColumns(t, s, documents)
}

func wantIndexColumns[Row any](t *testing.T, s *Store, table *table[Row]) {
	t.Helper()
	indexes, err := queryAll(s.read(t.Context()), scanString,
		`SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL`, table.name)
	must(t, err)
	words := regexp.MustCompile(`\w+`).FindAllString(strings.Join(indexes, " "), -1)
	for _, c := range table.fields {
		if want := !c.fixed && slices.Contains(words, c.name); c.inIndex != want {
			t.Errorf("%s.%s is marked %v, want %v, because the indexes are\n%s",
				table.name, c.name, c.inIndex, want, strings.Join(indexes, "\n"))
		}
	}
}
