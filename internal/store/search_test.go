package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	firstSID  = "BU00000000000000000000000000000001"
	secondSID = "BU00000000000000000000000000000002"
	thirdSID  = "BU00000000000000000000000000000003"
)

// TestSearchBundles filters three bundles of two accounts by each field.
func TestSearchBundles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, b := range []trust.Bundle{
			trust.NewBundle(trust.TrustProduct, firstSID, accountSID, "RN1", "Acme 100%", "a@acme.example", "", at),
			trust.NewBundle(trust.CustomerProfile, secondSID, accountSID, "RN2", "Bolt_Works", "b@bolt.example", "", at),
			trust.NewBundle(trust.TrustProduct, thirdSID, otherSID, "RN1", "ACME!", "c@other.example", "", at),
		} {
			if b.SID == secondSID {
				b.Status = trust.InReview
			}
			check(t, s.Bundles.Create(t.Context(), b))
		}
		for name, test := range map[string]struct {
			filter store.BundleFilter
			want   []string
		}{
			"all":                   {store.BundleFilter{}, []string{thirdSID, secondSID, firstSID}},
			"a name in any case":    {store.BundleFilter{Text: "acME"}, []string{thirdSID, firstSID}},
			"an address":            {store.BundleFilter{Text: "@bolt"}, []string{secondSID}},
			"a literal percent":     {store.BundleFilter{Text: "%"}, []string{firstSID}},
			"a literal underscore":  {store.BundleFilter{Text: "_"}, []string{secondSID}},
			"the escape character":  {store.BundleFilter{Text: "!"}, []string{thirdSID}},
			"a SID":                 {store.BundleFilter{SID: secondSID}, []string{secondSID}},
			"an account":            {store.BundleFilter{AccountSID: otherSID}, []string{thirdSID}},
			"a kind":                {store.BundleFilter{Kind: trust.CustomerProfile}, []string{secondSID}},
			"a status":              {store.BundleFilter{Status: trust.Draft}, []string{thirdSID, firstSID}},
			"a policy":              {store.BundleFilter{PolicySID: "RN2"}, []string{secondSID}},
			"fields that all apply": {store.BundleFilter{Text: "acme", AccountSID: accountSID, Status: trust.Draft}, []string{firstSID}},
			"nothing":               {store.BundleFilter{Text: "acme", Kind: trust.CustomerProfile}, nil},
		} {
			found, err := s.SearchBundles(t.Context(), test.filter, "", 10)
			check(t, err)
			if got := sids(found.Bundles); !slices.Equal(got, test.want) || found.Next != "" {
				t.Errorf("%s: found %v, next %q; want %v", name, got, found.Next, test.want)
			}
		}
		page, err := s.SearchBundles(t.Context(), store.BundleFilter{Text: "acme"}, "", 1)
		check(t, err)
		if got := sids(page.Bundles); !slices.Equal(got, []string{thirdSID}) || page.Next != thirdSID {
			t.Errorf("the first page has %v, next %q", got, page.Next)
		}
		page, err = s.SearchBundles(t.Context(), store.BundleFilter{Text: "acme"}, page.Next, 1)
		check(t, err)
		if got := sids(page.Bundles); !slices.Equal(got, []string{firstSID}) || page.Next != "" {
			t.Errorf("the second page has %v, next %q", got, page.Next)
		}
	})
}

// TestSearchIsBounded looks for the oldest of more bundles than a search examines for one page: it is on the second.
func TestSearchIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		oldest := draft()
		oldest.SID, oldest.FriendlyName = firstSID, "needle"
		check(t, s.Bundles.Create(t.Context(), oldest))
		createMany(t, s, store.SearchStep)
		var pages []string
		for after, more := "", true; more; {
			page, err := s.SearchBundles(t.Context(), store.BundleFilter{Text: "needle"}, after, 10)
			check(t, err)
			pages = append(pages, fmt.Sprint(sids(page.Bundles)))
			after, more = page.Next, page.Next != ""
		}
		if want := []string{"[]", "[" + firstSID + "]"}; !slices.Equal(pages, want) {
			t.Errorf("the pages have %v, want %v", pages, want)
		}
	})
}

func sids(bundles []trust.Bundle) (all []string) {
	for _, b := range bundles {
		all = append(all, b.SID)
	}
	return all
}

// BenchmarkSearchBundles searches 10,000 bundles for a name that only the oldest has.
func BenchmarkSearchBundles(b *testing.B) {
	for engine, database := range storetest.Names() {
		b.Run(engine, func(b *testing.B) {
			s := storetest.Open(b, database(b))
			for i := range 10_000 {
				sid := trust.NewSID(trust.BundlePrefix, at.Add(time.Duration(i)*time.Second))
				bundle := trust.NewBundle(trust.TrustProduct, sid, accountSID, "RN1", fmt.Sprint("Acme ", i), "a@acme.example", "", at)
				if err := s.Bundles.Create(b.Context(), bundle); err != nil {
					b.Fatal(err)
				}
			}
			for name, filter := range map[string]store.BundleFilter{"all": {}, "rare": {Text: "acme 0x"}} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						if _, err := s.SearchBundles(b.Context(), filter, "", 50); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
