package interop

import (
	"strings"
	"testing"

	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

const (
	cnamPolicy    = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"
	unknownPolicy = "RN" + unknownDigits
	immutable     = " A bundle it belongs to is in an immutable state."
)

func newEndUser(t *testing.T, service *trusthub.ApiService, attributes any) string {
	t.Helper()
	user, err := service.CreateEndUser(new(trusthub.CreateEndUserParams).SetFriendlyName("Acme").SetType("cnam_information").
		SetAttributes(attributes))
	if err != nil {
		t.Fatal(err)
	}
	return *user.Sid
}

func newDocument(t *testing.T, service *trusthub.ApiService) string {
	t.Helper()
	document, err := service.CreateSupportingDocument(new(trusthub.CreateSupportingDocumentParams).SetFriendlyName("Address").
		SetType("customer_profile_address"))
	if err != nil {
		t.Fatal(err)
	}
	return *document.Sid
}

func assign(service *trusthub.ApiService, product, object string) (*trusthub.TrusthubV1TrustProductEntityAssignment, error) {
	return service.CreateTrustProductEntityAssignment(product,
		new(trusthub.CreateTrustProductEntityAssignmentParams).SetObjectSid(object))
}

func mustAssign(t *testing.T, service *trusthub.ApiService, product, object string) string {
	t.Helper()
	assignment, err := assign(service, product, object)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "trust_product_sid", assignment.TrustProductSid, product)
	equal(t, "object_sid", assignment.ObjectSid, object)
	return *assignment.Sid
}

// all filters nothing.
func all[Params any](Params) {}

func typed(name string) func(*trusthub.ListTrustProductEntityAssignmentParams) {
	return func(p *trusthub.ListTrustProductEntityAssignmentParams) { p.SetObjectType(name) }
}

func useEntityAssignments(t *testing.T, service *trusthub.ApiService, product string) {
	t.Helper()
	user, document, other := newEndUser(t, service, map[string]any{}), newDocument(t, service), *create(t, service).Sid
	first := mustAssign(t, service, product, user)
	second := mustAssign(t, service, product, document)
	third := mustAssign(t, service, product, other)
	entityAssignments(service, product, all).expect(t, "entity assignments", third, second, first)
	entityAssignments(service, product, typed("cnam_information")).expect(t, "assigned end users", first)
	entityAssignments(service, product, typed("customer_profile_address")).expect(t, "assigned documents", second)
	fetched, err := service.FetchTrustProductEntityAssignment(product, first)
	if err != nil || *fetched.ObjectSid != user {
		t.Errorf("fetch: %s, %v", show(fetched), err)
	}

	_, err = assign(service, product, user)
	expectError(t, "assigned again", err, 409, 70003, "already")
	_, err = assign(service, product, "AD"+unknownDigits)
	expectError(t, "an address", err, 400, 70002, "address")
	_, err = assign(service, product, product)
	expectError(t, "to itself", err, 400, 70002, "itself")
	_, err = assign(service, product, "IT"+unknownDigits)
	expectError(t, "an unknown end user", err, 404, 20404, "was not found")
	_, err = assign(service, "BU"+unknownDigits, user)
	expectError(t, "to an unknown product", err, 404, 20404, "was not found")
	_, err = service.FetchTrustProductEntityAssignment(other, first)
	expectError(t, "of another product", err, 404, 20404, "was not found")

	if err := service.DeleteTrustProductEntityAssignment(product, first); err != nil {
		t.Error(err)
	}
	if err := service.DeleteSupportingDocument(document); err != nil { // and its assignment with it
		t.Error(err)
	}
	entityAssignments(service, product, all).expect(t, "what is left of the assignments", third)
	if _, err := service.FetchEndUser(user); err != nil {
		t.Errorf("the end user that is not assigned any more: %v", err)
	}
}

// profileNumbers puts numbers onto a Customer Profile, and the profile onto the product, so that the product can have them.
func profileNumbers(t *testing.T, service *trusthub.ApiService, product string, numbers ...string) (profileSID string) {
	t.Helper()
	profile, err := service.CreateCustomerProfile(new(trusthub.CreateCustomerProfileParams).
		SetFriendlyName("Acme").SetEmail("a@acme.example").SetPolicySid(secondaryPolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range numbers {
		if _, err := service.CreateCustomerProfileChannelEndpointAssignment(*profile.Sid,
			new(trusthub.CreateCustomerProfileChannelEndpointAssignmentParams).
				SetChannelEndpointType("phone-number").SetChannelEndpointSid(number)); err != nil {
			t.Fatal(err)
		}
	}
	mustAssign(t, service, product, *profile.Sid)
	return *profile.Sid
}

func useChannelEndpoints(t *testing.T, service *trusthub.ApiService, product string) {
	t.Helper()
	other := *create(t, service).Sid // of the same policy
	add := func(product, endpoint string) (*trusthub.TrusthubV1TrustProductChannelEndpointAssignment, error) {
		return service.CreateTrustProductChannelEndpointAssignment(product,
			new(trusthub.CreateTrustProductChannelEndpointAssignmentParams).
				SetChannelEndpointType("phone-number").SetChannelEndpointSid(endpoint))
	}
	numbers := []string{"PN" + strings.Repeat("1", 32), "PN" + strings.Repeat("2", 32), "PN" + strings.Repeat("3", 32)}
	_, err := add(product, numbers[0])
	expectError(t, "a number that is on no profile", err, 400, 70002, "first be assigned to a Customer Profile")
	profile := profileNumbers(t, service, product, numbers...)
	var sids []string
	for _, number := range numbers {
		assignment, err := add(product, number)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "channel_endpoint_type", assignment.ChannelEndpointType, "phone-number")
		equal(t, "channel_endpoint_sid", assignment.ChannelEndpointSid, number)
		sids = append(sids, *assignment.Sid)
	}
	channelEndpoints(service, product, all).expect(t, "channel endpoints", sids[2], sids[1], sids[0])
	channelEndpoints(service, product, func(p *trusthub.ListTrustProductChannelEndpointAssignmentParams) {
		p.SetChannelEndpointSid(numbers[1])
	}).expect(t, "one channel endpoint", sids[1])
	channelEndpoints(service, product, func(p *trusthub.ListTrustProductChannelEndpointAssignmentParams) {
		p.SetChannelEndpointSids(numbers[0] + "," + numbers[2])
	}).expect(t, "two channel endpoints", sids[2], sids[0])
	fetched, err := service.FetchTrustProductChannelEndpointAssignment(product, sids[0])
	if err != nil || *fetched.ChannelEndpointSid != numbers[0] {
		t.Errorf("fetch: %s, %v", show(fetched), err)
	}

	_, err = add(product, numbers[0])
	expectError(t, "a number again", err, 409, 70003, "already assigned to "+product)
	_, err = add(other, numbers[0])
	expectError(t, "a number of another product", err, 409, 70003, "already assigned to "+product)
	_, err = add(product, "AD"+unknownDigits)
	expectError(t, "no number", err, 400, 20001, "ChannelEndpointSid")
	if err := service.DeleteTrustProductChannelEndpointAssignment(product, sids[0]); err != nil {
		t.Error(err)
	}
	mustAssign(t, service, other, profile)
	if _, err = add(other, numbers[0]); err != nil {
		t.Errorf("a number that has been removed from its product: %v", err)
	}
	_, err = service.FetchTrustProductChannelEndpointAssignment(product, sids[0])
	expectError(t, "a removed number", err, 404, 20404, "was not found")
}

// useEvaluations evaluates a product three times as a program would that corrects what is missing.
func useEvaluations(t *testing.T, service *trusthub.ApiService, product string) {
	t.Helper()
	evaluate := func(policy string) *trusthub.TrusthubV1TrustProductEvaluation {
		evaluation, err := service.CreateTrustProductEvaluation(product,
			new(trusthub.CreateTrustProductEvaluationParams).SetPolicySid(policy))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "trust_product_sid", evaluation.TrustProductSid, product)
		equal(t, "policy_sid", evaluation.PolicySid, policy)
		return evaluation
	}
	first := evaluate(cnamPolicy)
	expectResult(t, first, "cnam_information", false, 22214)
	user := newEndUser(t, service, map[string]any{"cnam_display_name": "1 is no letter"})
	mustAssign(t, service, product, user)
	second := evaluate(cnamPolicy)
	expectResult(t, second, "cnam_information", false, 22215)
	if _, err := service.UpdateEndUser(user, new(trusthub.UpdateEndUserParams).
		SetAttributes(map[string]any{"cnam_display_name": "Acme"})); err != nil {
		t.Fatal(err)
	}
	third := evaluate(cnamPolicy)
	expectResult(t, third, "cnam_information", true, nil)
	equal(t, "status", third.Status, "noncompliant") // it also needs a customer profile
	unknown := evaluate(unknownPolicy)
	equal(t, "status", unknown.Status, "compliant")

	evaluations(service, product, all).expect(t, "evaluations", *unknown.Sid, *third.Sid, *second.Sid, *first.Sid)
	fetched, err := service.FetchTrustProductEvaluation(product, *first.Sid)
	if err != nil || show(fetched) != show(first) {
		t.Errorf("the first evaluation was %s and is %s (%v)", show(first), show(fetched), err)
	}
	_, err = service.FetchTrustProductEvaluation(product, "EL"+unknownDigits)
	expectError(t, "an unknown evaluation", err, 404, 20404, "was not found")
}

// expectResult looks for the result of a requirement. code is a number or nil.
func expectResult(t *testing.T, e *trusthub.TrusthubV1TrustProductEvaluation, objectType string, passed bool, code any) {
	t.Helper()
	if n, ok := code.(int); ok {
		code = float64(n) // as JSON has it
	}
	for _, each := range *e.Results {
		result, ok := each.(map[string]any)
		if ok && result["object_type"] == objectType {
			if result["passed"] != passed || result["error_code"] != code {
				t.Errorf("%s is %s; want passed %v, error_code %v", objectType, show(result), passed, code)
			}
			return
		}
	}
	t.Errorf("no result for %s in %s", objectType, show(e.Results))
}

// useFrozenProduct tries to change what belongs to a product that is under review.
func useFrozenProduct(t *testing.T, service *trusthub.ApiService) {
	t.Helper()
	product := *create(t, service).Sid
	user, document := newEndUser(t, service, map[string]any{}), newDocument(t, service)
	assignment := mustAssign(t, service, product, user)
	mustAssign(t, service, product, document)
	profileNumbers(t, service, product, "PN"+unknownDigits)
	if _, err := service.UpdateTrustProduct(product, new(trusthub.UpdateTrustProductParams).
		SetStatus("pending-review").SetEmail("held+hold@acme.example").SetStatusCallback("")); err != nil {
		t.Fatal(err)
	}

	_, err := assign(service, product, newEndUser(t, service, map[string]any{}))
	expectError(t, "assign", err, 400, 70002, "immutable")
	err = service.DeleteTrustProductEntityAssignment(product, assignment)
	expectError(t, "unassign", err, 400, 70002, "immutable")
	_, err = service.UpdateEndUser(user, new(trusthub.UpdateEndUserParams).SetAttributes(map[string]any{"a": 1}))
	expectError(t, "update the end user", err, 400, 70002, "Cannot update end-user."+immutable)
	expectError(t, "delete the end user", service.DeleteEndUser(user), 400, 70002, "Cannot delete end-user."+immutable)
	_, err = service.UpdateSupportingDocument(document, new(trusthub.UpdateSupportingDocumentParams).SetFriendlyName("Other"))
	expectError(t, "update the document", err, 400, 70002, "Cannot update supporting document."+immutable)
	err = service.DeleteSupportingDocument(document)
	expectError(t, "delete the document", err, 400, 70002, "Cannot delete supporting document."+immutable)
	if _, err := service.CreateTrustProductChannelEndpointAssignment(product,
		new(trusthub.CreateTrustProductChannelEndpointAssignmentParams).
			SetChannelEndpointType("phone-number").SetChannelEndpointSid("PN"+unknownDigits)); err != nil {
		t.Errorf("a number of a product under review: %v", err)
	}
}
