package main

import (
	"context"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// onboard registers a business with a server that does the due reviews whenever the program waits for them.
func onboard(t *testing.T, b business) (*client.Client, string, error) {
	t.Helper()
	s := apitest.New(t)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	o := onboarding{api: api, primarySID: s.PrimaryCustomerProfileSID, log: log.New(t.Output(), "", 0), pause: func(context.Context) error {
		s.Advance(time.Minute)
		return nil
	}}
	sid, err := o.onboard(t.Context(), b)
	return api, sid, err
}

func TestApproved(t *testing.T) {
	t.Parallel()
	api, sid, err := onboard(t, acme())
	if err != nil {
		t.Fatal(err)
	}
	product, err := api.FetchTrustProduct(t.Context(), sid)
	if err != nil || product.Status != client.BundleStatusTwilioApproved || product.PolicySID != a2pPolicySID {
		t.Errorf("the product is %+v, %v", product, err)
	}
}

func TestNotApproved(t *testing.T) {
	t.Parallel()
	noWebsite, private, rejected := acme(), acme(), acme()
	noWebsite.Information.Website = ""
	private.Messaging.CompanyType = "secret"
	rejected.Email = "compliance+reject-18601@acme.example" // the outcome of a review can be chosen
	for want, b := range map[string]business{
		"customer profile: customer_profile_business_information: ": noWebsite,
		"trust product: us_a2p_messaging_profile_information: ":     private,
		": rejected: [{18601}]":                                     rejected,
	} {
		if _, _, err := onboard(t, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
