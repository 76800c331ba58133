package interop

import (
	"testing"

	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

const starterPolicy = "RN806dd6cd175f314e1f96a9727ee271f4"

// useProfile does all that the SDK can do with a Customer Profile. A Trust Product that exists must not be found as one.
func useProfile(t *testing.T, service *trusthub.ApiService, product string) {
	t.Helper()
	created, err := service.CreateCustomerProfile(new(trusthub.CreateCustomerProfileParams).
		SetFriendlyName("Acme").SetEmail(email).SetPolicySid(starterPolicy).SetStatusCallback(callback))
	if err != nil {
		t.Fatal(err)
	}
	profile := *created.Sid
	equal(t, "status", created.Status, "draft")
	equal(t, "policy_sid", created.PolicySid, starterPolicy)
	if link := (*created.Links)["customer_profiles_evaluations"]; link != *created.Url+"/Evaluations" {
		t.Errorf("the link to the evaluations is %v", link)
	}

	fetched, err := service.FetchCustomerProfile(profile)
	if err != nil || show(fetched) != show(created) {
		t.Errorf("fetched %s, %v; want %s", show(fetched), err, show(created))
	}
	_, err = service.FetchCustomerProfile(product)
	expectError(t, "a product as a profile", err, 404, 20404, "was not found")
	_, err = service.FetchTrustProduct(profile)
	expectError(t, "a profile as a product", err, 404, 20404, "was not found")
	all, err := service.ListCustomerProfile(new(trusthub.ListCustomerProfileParams).
		SetStatus("draft").SetFriendlyName("Acme").SetPolicySid(starterPolicy).SetPageSize(1))
	if err != nil || len(all) != 1 || *all[0].Sid != profile {
		t.Errorf("the list is %s, %v", show(all), err)
	}

	useProfileAssignments(t, service, profile)
	useProfileEvaluations(t, service, profile)

	submitted, err := service.UpdateCustomerProfile(profile, new(trusthub.UpdateCustomerProfileParams).
		SetStatus("pending-review").SetEmail("held+hold@acme.example").SetStatusCallback(""))
	if err != nil || *submitted.Email != "held+hold@acme.example" {
		t.Fatalf("submitted: %s, %v", show(submitted), err)
	}
	_, err = service.UpdateCustomerProfile(profile, new(trusthub.UpdateCustomerProfileParams).SetFriendlyName("Late"))
	expectError(t, "an edit under review", err, 400, 70002, "The Customer Profile is in an immutable state")
	_, err = service.UpdateCustomerProfile(profile, new(trusthub.UpdateCustomerProfileParams).SetStatus("draft"))
	expectError(t, "back to draft", err, 400, 70002, "User cannot perform this status update")
	expectError(t, "a delete under review", service.DeleteCustomerProfile(profile), 400, 70002, "The Customer Profile is under review")

	other, err := service.CreateCustomerProfile(new(trusthub.CreateCustomerProfileParams).
		SetFriendlyName("Other").SetEmail(email).SetPolicySid(starterPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if err := service.DeleteCustomerProfile(*other.Sid); err != nil {
		t.Error(err)
	}
	_, err = service.FetchCustomerProfile(*other.Sid)
	expectError(t, "a deleted profile", err, 404, 20404, "was not found")
}

func useProfileAssignments(t *testing.T, service *trusthub.ApiService, profile string) {
	t.Helper()
	user := newEndUser(t, service, map[string]any{})
	assign := func() (*trusthub.TrusthubV1CustomerProfileEntityAssignment, error) {
		return service.CreateCustomerProfileEntityAssignment(profile,
			new(trusthub.CreateCustomerProfileEntityAssignmentParams).SetObjectSid(user))
	}
	assignment, err := assign()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "customer_profile_sid", assignment.CustomerProfileSid, profile)
	_, err = assign()
	expectError(t, "assigned again", err, 409, 70003, "already")
	fetched, err := service.FetchCustomerProfileEntityAssignment(profile, *assignment.Sid)
	if err != nil || show(fetched) != show(assignment) {
		t.Errorf("fetched %s, %v; want %s", show(fetched), err, show(assignment))
	}
	listed, err := service.ListCustomerProfileEntityAssignment(profile,
		new(trusthub.ListCustomerProfileEntityAssignmentParams).SetObjectType("cnam_information"))
	if err != nil || len(listed) != 1 || show(listed[0]) != show(*assignment) {
		t.Errorf("the list is %s, %v", show(listed), err)
	}
	if err := service.DeleteCustomerProfileEntityAssignment(profile, *assignment.Sid); err != nil {
		t.Error(err)
	}

	number := "PN" + unknownDigits
	endpoint, err := service.CreateCustomerProfileChannelEndpointAssignment(profile,
		new(trusthub.CreateCustomerProfileChannelEndpointAssignmentParams).
			SetChannelEndpointType("phone-number").SetChannelEndpointSid(number))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "customer_profile_sid", endpoint.CustomerProfileSid, profile)
	fetchedEndpoint, err := service.FetchCustomerProfileChannelEndpointAssignment(profile, *endpoint.Sid)
	if err != nil || show(fetchedEndpoint) != show(endpoint) {
		t.Errorf("fetched %s, %v; want %s", show(fetchedEndpoint), err, show(endpoint))
	}
	endpoints, err := service.ListCustomerProfileChannelEndpointAssignment(profile,
		new(trusthub.ListCustomerProfileChannelEndpointAssignmentParams).SetChannelEndpointSids(number))
	if err != nil || len(endpoints) != 1 || show(endpoints[0]) != show(*endpoint) {
		t.Errorf("the list is %s, %v", show(endpoints), err)
	}
	if err := service.DeleteCustomerProfileChannelEndpointAssignment(profile, *endpoint.Sid); err != nil {
		t.Error(err)
	}
}

func useProfileEvaluations(t *testing.T, service *trusthub.ApiService, profile string) {
	t.Helper()
	evaluation, err := service.CreateCustomerProfileEvaluation(profile,
		new(trusthub.CreateCustomerProfileEvaluationParams).SetPolicySid(starterPolicy))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "customer_profile_sid", evaluation.CustomerProfileSid, profile)
	equal(t, "status", evaluation.Status, "noncompliant")
	fetched, err := service.FetchCustomerProfileEvaluation(profile, *evaluation.Sid)
	if err != nil || show(fetched) != show(evaluation) {
		t.Errorf("fetched %s, %v; want %s", show(fetched), err, show(evaluation))
	}
	listed, err := service.ListCustomerProfileEvaluation(profile, nil)
	if err != nil || len(listed) != 1 || show(listed[0]) != show(*evaluation) {
		t.Errorf("the list is %s, %v", show(listed), err)
	}
}
