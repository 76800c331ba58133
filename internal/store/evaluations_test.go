package store_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// What is assigned is ordered by SID, whatever the order of the assignments. An object that does not exist is left out.
func TestAssignedTo(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		attributes := json.RawMessage(`{"a": 1}`)
		want := trust.Assigned{
			EndUsers: []trust.EndUser{
				{SID: "IT1", FriendlyName: "Ada", Type: "t", Attributes: attributes}, {SID: "IT2", FriendlyName: "Bob", Type: "u", Attributes: attributes},
			},
			Documents: []trust.SupportingDocument{{SID: "RD1", FriendlyName: "Office", Type: "d", Attributes: attributes}},
			Bundles: []trust.Bundle{
				{SID: "BU2", FriendlyName: "Profile", Kind: trust.CustomerProfile, PolicySID: "RN1", Status: trust.InReview},
			},
		}
		for _, u := range want.EndUsers {
			u.AccountSID = accountSID
			check(t, s.EndUsers.Create(t.Context(), u))
		}
		for _, d := range want.Documents {
			d.AccountSID = accountSID
			check(t, s.Documents.Create(t.Context(), d))
		}
		for _, b := range want.Bundles {
			b.AccountSID, b.Email = accountSID, "a@b.example"
			check(t, s.Bundles.Create(t.Context(), b))
		}
		for i, sid := range []string{"RD1", "IT2", "ITmissing", "BU2", "BUmissing", "IT1"} {
			check(t, s.Assignments.Create(t.Context(), trust.Assignment{SID: fmt.Sprint("BV", i), BundleSID: bundleSID, ObjectSID: sid}))
		}
		b, got, err := s.AssignedTo(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID)
		if err != nil || !reflect.DeepEqual(b, draft()) || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %+v, %v, want %+v", b, got, err, want)
		}
	})
}
