package interop

import (
	"reflect"
	"slices"
	"testing"

	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

const unknownDigits = "00000000000000000000000000000000"

// useTypes lists the types and fetches each by its SID and by its machine name.
func useTypes(t *testing.T, service *trusthub.ApiService) {
	t.Helper()
	users, err := service.ListEndUserType(nil)
	if err != nil {
		t.Fatal(err)
	}
	endUserTypes(service).expect(t, "end user types", endUserTypes(service).sids(users)...)
	for _, listed := range users {
		bySID, err := service.FetchEndUserType(*listed.Sid)
		byName, errName := service.FetchEndUserType(*listed.MachineName)
		if err != nil || errName != nil || !reflect.DeepEqual(*bySID, listed) || !reflect.DeepEqual(*byName, listed) {
			t.Errorf("type %s: %s and %s (%v, %v)", show(listed), show(bySID), show(byName), err, errName)
		}
	}
	cnam := slices.IndexFunc(users, func(u trusthub.TrusthubV1EndUserType) bool { return *u.MachineName == "cnam_information" })
	want := []any{map[string]any{"machine_name": "cnam_display_name", "friendly_name": "CNAM Display Name", "constraint": "String"}}
	if cnam < 0 || !reflect.DeepEqual(*users[cnam].Fields, want) {
		t.Errorf("the types are %s, want cnam_information with %v", show(users), want)
	}

	documents, err := service.ListSupportingDocumentType(nil)
	if err != nil {
		t.Fatal(err)
	}
	documentTypes(service).expect(t, "supporting document types", documentTypes(service).sids(documents)...)
	for _, listed := range documents {
		bySID, err := service.FetchSupportingDocumentType(*listed.Sid)
		byName, errName := service.FetchSupportingDocumentType(*listed.MachineName)
		if err != nil || errName != nil || !reflect.DeepEqual(*bySID, listed) || !reflect.DeepEqual(*byName, listed) {
			t.Errorf("type %s: %s and %s (%v, %v)", show(listed), show(bySID), show(byName), err, errName)
		}
	}
	if len(documents) == 0 {
		t.Error("there are no types of supporting documents")
	}

	_, err = service.FetchEndUserType("unknown")
	expectError(t, "unknown end user type", err, 404, 20404, "was not found")
	_, err = service.FetchSupportingDocumentType("cnam_information")
	expectError(t, "an end user type as a document type", err, 404, 20404, "was not found")
}

// usePolicies lists the policies and reads one as a program does.
func usePolicies(t *testing.T, service *trusthub.ApiService) {
	t.Helper()
	all, err := service.ListPolicies(nil)
	if err != nil {
		t.Fatal(err)
	}
	policies(service).expect(t, "policies", policies(service).sids(all)...)
	policy, err := service.FetchPolicies(cnamPolicy)
	if err != nil {
		t.Fatal(err)
	}
	requirements, ok := (*policy.Requirements).(map[string]any)
	if !ok {
		t.Fatalf("the requirements are %s", show(policy.Requirements))
	}
	users, ok := requirements["end_user"].([]any)
	if !ok || len(users) != 1 || users[0].(map[string]any)["type"] != "cnam_information" { //nolint:forcetypeassert // a panic fails it
		t.Errorf("end_user is %s", show(requirements["end_user"]))
	}
	_, err = service.FetchPolicies("RN" + unknownDigits)
	expectError(t, "unknown policy", err, 404, 20404, "was not found")
}

// attributes are some that no encoding may change.
func attributes() map[string]any {
	return map[string]any{
		"first_name": "Zoë & Söhne + 1 = \"100%\"", "employees": 12.5, "address_sids": []any{"AD" + unknownDigits},
		"nested": map[string]any{"none": nil, "yes": true},
	}
}

func useEndUsers(t *testing.T, service *trusthub.ApiService) {
	t.Helper()
	var created []string // the newest first
	for range 5 {
		user, err := service.CreateEndUser(new(trusthub.CreateEndUserParams).SetFriendlyName("Café").
			SetType("authorized_representative_1").SetAttributes(attributes()))
		if err != nil {
			t.Fatal(err)
		}
		created = slices.Insert(created, 0, *user.Sid)
		if !reflect.DeepEqual(*user.Attributes, any(attributes())) {
			t.Errorf("the attributes are %s, want %s", show(user.Attributes), show(attributes()))
		}
	}
	endUsers(service).expect(t, "end users", created...)
	one := created[0]
	updated, err := service.UpdateEndUser(one, new(trusthub.UpdateEndUserParams).SetFriendlyName("Other").
		SetAttributes(struct {
			Title string `json:"business_title"`
		}{"Founder"}))
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := service.FetchEndUser(one)
	if err != nil || !reflect.DeepEqual(fetched, updated) {
		t.Errorf("fetched %s after an update to %s (%v)", show(fetched), show(updated), err)
	}
	equal(t, "friendly_name", fetched.FriendlyName, "Other")
	equal(t, "type", fetched.Type, "authorized_representative_1")
	if want := any(map[string]any{"business_title": "Founder"}); !reflect.DeepEqual(*fetched.Attributes, want) {
		t.Errorf("the attributes are %s, want them replaced by %s", show(fetched.Attributes), show(want))
	}
	_, err = service.UpdateEndUser(one, new(trusthub.UpdateEndUserParams).SetAttributes([]string{"no object"}))
	expectError(t, "attributes that are an array", err, 400, 20001, "Attributes")
	_, err = service.CreateEndUser(new(trusthub.CreateEndUserParams).SetFriendlyName("Acme"))
	expectError(t, "an end user without a type", err, 400, 20001, "Missing required parameter Type")
	if err := service.DeleteEndUser(one); err != nil {
		t.Error(err)
	}
	_, err = service.FetchEndUser(one)
	expectError(t, "a deleted end user", err, 404, 20404, "/v1/EndUsers/"+one)
}

func useDocuments(t *testing.T, service *trusthub.ApiService) {
	t.Helper()
	var created []string // the newest first
	for range 3 {
		document, err := service.CreateSupportingDocument(new(trusthub.CreateSupportingDocumentParams).SetFriendlyName("Café").
			SetType("customer_profile_address").SetAttributes(attributes()))
		if err != nil {
			t.Fatal(err)
		}
		created = slices.Insert(created, 0, *document.Sid)
		equal(t, "status", document.Status, "DRAFT")
		if document.MimeType != nil || !reflect.DeepEqual(*document.Attributes, any(attributes())) {
			t.Errorf("mime_type is %s and attributes %s", show(document.MimeType), show(document.Attributes))
		}
	}
	documents(service).expect(t, "supporting documents", created...)
	one := created[0]
	updated, err := service.UpdateSupportingDocument(one, new(trusthub.UpdateSupportingDocumentParams).SetFriendlyName("Other"))
	if err != nil {
		t.Fatal(err)
	}
	fetched, err := service.FetchSupportingDocument(one)
	if err != nil || !reflect.DeepEqual(fetched, updated) {
		t.Errorf("fetched %s after an update to %s (%v)", show(fetched), show(updated), err)
	}
	equal(t, "friendly_name", fetched.FriendlyName, "Other")
	if !reflect.DeepEqual(*fetched.Attributes, any(attributes())) {
		t.Errorf("an update of the name has changed the attributes to %s", show(fetched.Attributes))
	}
	if err := service.DeleteSupportingDocument(one); err != nil {
		t.Error(err)
	}
	err = service.DeleteSupportingDocument(one)
	expectError(t, "a deleted document", err, 404, 20404, "/v1/SupportingDocuments/"+one)
}
