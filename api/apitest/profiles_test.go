package apitest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// TestCustomerProfile follows a Customer Profile from its rejection, which its e-mail address asks for, to the end of its approval.
func TestCustomerProfile(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	api, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := api.CreateCustomerProfile(t.Context(), client.CreateCustomerProfileRequest{
		FriendlyName: "Acme", Email: "a+reject-18602@acme.example", PolicySID: "RNdfbf3fae0e1107f8aded0e7cead80bf5",
		StatusCallback: new("https://acme.example/status"),
	})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(request client.UpdateCustomerProfileRequest) {
		t.Helper()
		request.Status = new(client.BundleStatusPendingReview)
		if _, err := api.UpdateCustomerProfile(t.Context(), profile.SID, request); err != nil {
			t.Fatal(err)
		}
		s.Advance(time.Minute)
	}
	fetch := func() *client.CustomerProfile {
		t.Helper()
		fetched, err := api.FetchCustomerProfile(t.Context(), profile.SID)
		if err != nil {
			t.Fatal(err)
		}
		return fetched
	}

	submit(client.UpdateCustomerProfileRequest{})
	if got, want := fetch().Errors, []client.BundleError{{Code: 18602}}; !slices.Equal(got, want) {
		t.Errorf("after the review the errors are %v, want %v", got, want)
	}
	submit(client.UpdateCustomerProfileRequest{Email: new("a@acme.example")})
	s.Advance(366 * 24 * time.Hour)
	if got := fetch(); got.Status != client.BundleStatusTwilioRejected || len(got.Errors) != 0 {
		t.Errorf("after a year it is %s with errors %v", got.Status, got.Errors)
	}
	want := []string{
		"pending-review", "in-review", "twilio-rejected", "pending-review", "in-review", "twilio-approved", "twilio-rejected",
	}
	if diff := cmp.Diff(want, statuses(s.Callbacks())); diff != "" {
		t.Errorf("callbacks (-want +got):\n%s", diff)
	}
	var mailed []string
	for _, mail := range s.Mails() {
		if mail.BundleSID == profile.SID {
			mailed = append(mailed, string(mail.Status))
		}
	}
	if diff := cmp.Diff(want, mailed); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
	if primary, err := api.FetchCustomerProfile(t.Context(), s.PrimaryCustomerProfileSID); err != nil || primary.Status != client.BundleStatusTwilioApproved {
		t.Errorf("after a year the Primary is %+v, error %v; it never expires", primary, err)
	}
}
