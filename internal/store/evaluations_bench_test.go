package store_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// BenchmarkEvaluate evaluates profiles that comply with the largest policy. Each soon has as many evaluations as are kept.
func BenchmarkEvaluate(b *testing.B) {
	benchBundles(b, func(b *testing.B, s *store.Store) {
		profiles := compliantProfiles(b, s, 64)
		b.SetParallelism(32)
		var count atomic.Int64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n := int(count.Add(1))
				p := profiles[n%len(profiles)]
				e, err := s.Evaluate(b.Context(), store.BundlesOf(accountSID, p.Kind), nil, trust.Evaluation{
					SID: fmt.Sprintf("EL%032d", n), AccountSID: accountSID, BundleSID: p.SID, PolicySID: p.PolicySID, Created: at,
				}, holder, func(e *trust.Evaluation, assigned trust.Assigned) {
					e.Status, e.Results = catalog.Default().Evaluate(e.PolicySID, assigned)
				})
				if err != nil || e.Status != trust.Compliant {
					b.Error(e.Status, err)
				}
			}
		})
	})
}

// compliantProfiles creates profiles that comply with the policy of a Secondary Customer Profile of a business.
func compliantProfiles(b *testing.B, s *store.Store, count int) []trust.Bundle {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	const representative = `{"first_name": "Jane", "last_name": "Doe", "email": "jane@acme.example", "phone_number": "+12025550100",
		"business_title": "CEO", "job_position": "CEO"}`
	must(s.PutAccount(b.Context(), store.Account{SID: accountSID}))
	office := trust.SupportingDocument{
		SID: trust.NewSID(trust.SupportingDocumentPrefix, at), AccountSID: accountSID, Type: "customer_profile_address",
		Attributes: json.RawMessage(`{"address_sids": "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`),
	}
	must(s.Documents.Create(b.Context(), office))
	objects := []string{trust.PrimarySID(accountSID), office.SID}
	for typ, attributes := range map[string]string{
		"authorized_representative_1": representative, "authorized_representative_2": representative,
		"customer_profile_business_information": `{"business_name": "Acme, Inc.", "business_identity": "direct_customer",
			"business_type": "Corporation", "business_industry": "RETAIL", "business_registration_identifier": "EIN",
			"business_registration_number": "12-3456789", "business_regions_of_operation": "USA_AND_CANADA",
			"website_url": "https://acme.example"}`,
	} {
		user := trust.EndUser{
			SID: trust.NewSID(trust.EndUserPrefix, at), AccountSID: accountSID, Type: typ, Attributes: json.RawMessage(attributes),
		}
		must(s.EndUsers.Create(b.Context(), user))
		objects = append(objects, user.SID)
	}
	profiles := make([]trust.Bundle, count)
	for i := range profiles {
		p := draft()
		p.SID, p.Kind = trust.NewSID(trust.BundlePrefix, at), trust.CustomerProfile
		p.PolicySID = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
		must(s.Bundles.Create(b.Context(), p))
		for _, object := range objects {
			_, err := s.Assign(b.Context(), store.BundlesOf(accountSID, p.Kind), nil, trust.Assignment{
				SID: trust.NewSID(trust.AssignmentPrefix, at), AccountSID: accountSID, BundleSID: p.SID, ObjectSID: object,
			}, holder, func(trust.Bundle, store.Object) (string, error) { return "", nil })
			must(err)
		}
		profiles[i] = p
	}
	return profiles
}
