package store

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

type scanFunc func(dest ...any) error

func (f scanFunc) Scan(dest ...any) error { return f(dest...) }

// A list has many rows: to read one more allocates nothing but what is in it.
func TestScanRowsAllocatesOnce(t *testing.T) {
	scan, empty := bundles.scanRows(), scanFunc(func(...any) error { return nil })
	if n := testing.AllocsPerRun(100, func() {
		_, err := scan(empty)
		must(t, err)
	}); n > 0 {
		t.Errorf("a row allocates %v times", n)
	}
}

// Nothing of a row shows in the next one of the same query.
func TestScanRowsKeepsRowsApart(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // a test's database
	want := []trust.Bundle{
		{SID: "BU3", Kind: trust.TrustProduct, AccountSID: "AC", Errors: []int{18601, 18602}, Created: fromMicros(3), Due: fromMicros(9)},
		{SID: "BU2", Kind: trust.TrustProduct, AccountSID: "AC", Errors: []int{18603}, Created: fromMicros(2), FriendlyName: "Acme"},
		{SID: "BU1", Kind: trust.TrustProduct, AccountSID: "AC", Created: fromMicros(1)},
	}
	for _, b := range want {
		must(t, s.Bundles.Create(t.Context(), b))
	}
	part, err := s.Bundles.List(t.Context(), Query{
		Of: BundlesOf("AC", trust.TrustProduct), Range: Range{Limit: 10, Bytes: 1 << 20, Step: 10},
	})
	if err != nil || !reflect.DeepEqual(part.Rows, want) {
		t.Errorf("got  %+v, %v\nwant %+v", part.Rows, err, want)
	}
}
