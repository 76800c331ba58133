package apitest_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// What a program is told of a product that does not comply with its policy, and how little by little less is missing.
func ExampleWithCompliance() {} // testCompliance is it

// testCompliance would be a TestCompliance in a package of yours. Here TestExamples runs it.
func testCompliance(t *testing.T) {
	s := apitest.New(t, apitest.WithCompliance(apitest.ComplianceRefuse))
	c, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken),
		client.WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}))
	check(t, err)
	const a2p = "RNb0d4771c2c98518d916a3d4cd70a8f8b"
	product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{FriendlyName: "Acme", Email: "a@acme.example", PolicySID: a2p})
	check(t, err)

	// submit returns the names of the requirements that the product was refused for.
	submit := func() (missing []string) {
		_, err := c.UpdateTrustProduct(t.Context(), product.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
		refused, ok := errors.AsType[*client.Error](err)
		if !ok {
			t.Fatalf("the submission is not refused: %v", err)
		}
		evaluation, err := c.FetchTrustProductEvaluation(t.Context(), product.SID, refused.Message[strings.LastIndex(refused.Message, "/")+1:])
		check(t, err)
		for _, result := range evaluation.Results {
			if !result.Passed {
				missing = append(missing, result.RequirementName)
			}
		}
		return missing
	}
	if got := submit(); !slices.Equal(got, []string{"us_a2p_messaging_profile_information", "customer_profile"}) {
		t.Errorf("at first %v is missing", got)
	}
	user, err := c.CreateEndUser(t.Context(), client.CreateEndUserRequest{
		FriendlyName: "Messaging profile", Type: "us_a2p_messaging_profile_information",
		Attributes: client.MustJSON(map[string]any{"company_type": "private"}),
	})
	check(t, err)
	_, err = c.CreateTrustProductEntityAssignment(t.Context(), product.SID, client.CreateTrustProductEntityAssignmentRequest{ObjectSID: user.SID})
	check(t, err)
	if got := submit(); !slices.Equal(got, []string{"customer_profile"}) {
		t.Errorf("with the end user %v is missing", got)
	}
	s.Advance(time.Hour) // nothing was submitted, so nothing is reviewed
	product, err = c.FetchTrustProduct(t.Context(), product.SID)
	check(t, err)
	if product.Status != client.BundleStatusDraft {
		t.Errorf("the product is %s", product.Status)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
