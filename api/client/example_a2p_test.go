package client_test

import (
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// Take a business from nothing to an approved A2P Trust Product. The program examples/a2p does the same with evaluations.
func Example_a2p() {} // testA2P is it

// testA2P would be a TestA2P in a package of yours. Here TestExamples runs it.
func testA2P(t *testing.T) {
	s := apitest.New(t, apitest.WithCompliance(apitest.ComplianceRefuse)) // an incomplete submission is refused
	c, ctx := newClient(t, s), t.Context()
	describe := func(machineName string, attributes map[string]any) string {
		user, err := c.CreateEndUser(ctx, client.CreateEndUserRequest{
			FriendlyName: "Acme", Type: machineName, Attributes: client.MustJSON(attributes),
		})
		check(t, err)
		return user.SID
	}

	profile, err := c.CreateCustomerProfile(ctx, client.CreateCustomerProfileRequest{
		FriendlyName: "Acme", Email: "compliance@acme.example", PolicySID: "RNdfbf3fae0e1107f8aded0e7cead80bf5", // Secondary, business
	})
	check(t, err)
	address, err := c.CreateSupportingDocument(ctx, client.CreateSupportingDocumentRequest{
		FriendlyName: "Office", Type: "customer_profile_address",
		Attributes: client.MustJSON(map[string]any{"address_sids": "AD0123456789abcdef0123456789abcdef"}), // of Twilio's address API
	})
	check(t, err)
	information := describe("customer_profile_business_information", map[string]any{
		"business_name": "Acme, Inc.", "business_identity": "direct_customer", "business_type": "Corporation",
		"business_industry": "RETAIL", "business_registration_identifier": "EIN", "business_registration_number": "123456789",
		"business_regions_of_operation": "USA_AND_CANADA", "website_url": "https://acme.example",
	})
	representative := describe("authorized_representative_1", map[string]any{
		"first_name": "Ada", "last_name": "Byron", "email": "ada@acme.example", "phone_number": "+14155550100",
		"business_title": "Founder", "job_position": "CEO",
	})
	for _, sid := range []string{s.PrimaryCustomerProfileSID, information, representative, address.SID} {
		_, err := c.CreateCustomerProfileEntityAssignment(ctx, profile.SID, client.CreateCustomerProfileEntityAssignmentRequest{ObjectSID: sid})
		check(t, err)
	}
	_, err = c.UpdateCustomerProfile(ctx, profile.SID, client.UpdateCustomerProfileRequest{Status: new(client.BundleStatusPendingReview)})
	check(t, err)

	product, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: "compliance@acme.example", PolicySID: "RNb0d4771c2c98518d916a3d4cd70a8f8b", // A2P
	})
	check(t, err)
	for _, sid := range []string{profile.SID, describe("us_a2p_messaging_profile_information", map[string]any{"company_type": "private"})} {
		_, err := c.CreateTrustProductEntityAssignment(ctx, product.SID, client.CreateTrustProductEntityAssignmentRequest{ObjectSID: sid})
		check(t, err)
	}
	_, err = c.UpdateTrustProduct(ctx, product.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	check(t, err)

	s.Advance(time.Minute) // the reviews are done
	product, err = c.FetchTrustProduct(ctx, product.SID)
	check(t, err)
	if product.Status != client.BundleStatusTwilioApproved {
		t.Errorf("the product is %s", product.Status)
	}
}
