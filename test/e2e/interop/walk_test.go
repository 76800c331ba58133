package interop

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"
)

// walk is a program that follows a guide with the SDK, and compares each answer with the one that the guide prints.
type walk struct {
	*environment

	t          *testing.T
	accountSID string
	service    *trusthub.ApiService
	wire       *wire

	without string   // the requirement whose object is left out, empty for none
	objects []string // the requirements that the guide has had an object for so far
	refused bool     // whether a submission was refused because of what was left out
}

// bundle is a Customer Profile or a Trust Product on its way to approval.
type bundle struct {
	*walk

	kind           kind
	sid, policySID string
	given          map[string]any    // what it was created with, as the answers have it
	requirements   map[string]object // by name
	lacks          string            // the requirement whose object was left out, empty for none
}

// object fulfills a requirement.
type object struct {
	objectType string   // in the requirement's result
	fields     []string // that are valid then
	code       int      // if the object is missing
}

// attribute is an object's Attributes.
type attribute map[string]any

func (w *walk) createProfile(policySID string) *bundle {
	w.t.Helper()
	return w.create(profiles{w.service}, policySID, &w.receiver.url)
}

func (w *walk) createProduct(policySID string) *bundle {
	w.t.Helper()
	return w.create(products{w.service}, policySID, &w.receiver.url)
}

func (w *walk) createProductWithoutCallback(policySID string) *bundle {
	w.t.Helper()
	return w.create(products{w.service}, policySID, nil)
}

func (w *walk) create(k kind, policySID string, callback *string) *bundle {
	w.t.Helper()
	b := &bundle{walk: w, kind: k, policySID: policySID, requirements: map[string]object{}}
	w.must(k.create(policySID, callback))
	b.given = map[string]any{
		"account_sid": w.accountSID, "policy_sid": policySID, "friendly_name": bundleName, "email": bundleEmail, "status_callback": nil,
		"errors": nil,
	}
	if callback != nil {
		b.given["status_callback"] = *callback
	}
	if policySID == secondaryPolicy { // a second representative is optional
		b.requirements["authorized_representative_2"] = object{objectType: "authorized_representative_2"}
	}
	b.sid, _ = w.answer()["sid"].(string)
	b.expectStatus("Create", "draft")
	return b
}

func (w *walk) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// expect compares the last answer with the published one of an operation.
func (w *walk) expect(operation string, given map[string]any) {
	w.t.Helper()
	w.published.expect(w.t, operation, w.server.String(), w.answer(), given)
}

// expectStatus compares the last answer with a bundle that differs from the created one only in its status.
func (b *bundle) expectStatus(verb, status string) {
	b.t.Helper()
	given := maps.Clone(b.given)
	given["sid"], given["status"] = b.sid, status
	if status == "twilio-approved" {
		given["valid_until"] = b.answer()["valid_until"]
		if date, ok := given["valid_until"].(string); !ok || !datePattern.MatchString(date) {
			b.t.Errorf("approved until %v", given["valid_until"])
		}
	}
	b.expect(verb+b.kind.name(), given)
}

// needs records that the guide has an object for a requirement, and reports whether this walk has it too.
func (b *bundle) needs(requirement string, o object) bool {
	b.objects = append(b.objects, requirement)
	b.requirements[requirement] = o
	if requirement == b.without {
		b.lacks = requirement
	}
	return b.lacks != requirement
}

func (b *bundle) addEndUser(machineName string, attributes attribute) {
	b.t.Helper()
	if !b.needs(machineName, object{machineName, slices.Sorted(maps.Keys(attributes)), 22214}) {
		return
	}
	user, err := b.service.CreateEndUser(new(trusthub.CreateEndUserParams).SetFriendlyName("auth_rep_1").SetType(machineName).
		SetAttributes(attributes))
	b.must(err)
	b.expect("CreateEndUser", map[string]any{
		"account_sid": b.accountSID, "type": machineName, "attributes": map[string]any(attributes),
	})
	b.assign(*user.Sid)
}

func (b *bundle) addDocument(machineName string, attributes attribute) {
	b.t.Helper()
	if !b.needs(machineName, object{machineName, slices.Sorted(maps.Keys(attributes)), 22216}) {
		return
	}
	document, err := b.service.CreateSupportingDocument(new(trusthub.CreateSupportingDocumentParams).
		SetFriendlyName("Business-profile-physical-address").SetType(machineName).SetAttributes(attributes))
	b.must(err)
	b.expect("CreateSupportingDocument", map[string]any{
		"account_sid": b.accountSID, "type": machineName, "attributes": map[string]any(attributes),
	})
	b.assign(*document.Sid)
}

// addPrimary assigns an approved Primary Customer Profile, which no program creates.
func (b *bundle) addPrimary(sid string) {
	b.t.Helper()
	if b.needs("primary_customer_profile", object{"primary_customer_profile_type_business", []string{"bundle_sid"}, 22216}) {
		b.assign(sid)
	}
}

// addProfile assigns a Customer Profile that has been submitted.
func (b *bundle) addProfile(profile *bundle) {
	b.t.Helper()
	objectType := map[string]string{
		secondaryPolicy: "secondary_customer_profile_type_business", starterPolicy: "starter_customer_profile_type_business",
	}[profile.policySID]
	if b.needs("customer_profile", object{objectType, []string{"bundle_status"}, 22216}) {
		b.assign(profile.sid)
	}
}

func (b *bundle) assign(objectSID string) {
	b.t.Helper()
	b.must(b.kind.assign(b.sid, objectSID))
	b.expect("Create"+b.kind.name()+"EntityAssignment", map[string]any{
		"account_sid": b.accountSID, b.kind.field(): b.sid, "object_sid": objectSID,
	})
}

// addNumbers assigns phone numbers. Those of a product must be on its profile.
func (b *bundle) addNumbers(sids []string) {
	b.t.Helper()
	if b.lacks == "customer_profile" {
		b.expectNumberRefused(sids[0])
		return
	}
	for _, sid := range sids {
		b.must(b.kind.addNumber(b.sid, sid))
		b.expect("Create"+b.kind.name()+"ChannelEndpointAssignment", map[string]any{
			"account_sid": b.accountSID, b.kind.field(): b.sid, "channel_endpoint_sid": sid,
		})
	}
}

func (b *bundle) expectNumberRefused(sid string) {
	b.t.Helper()
	expectError(b.t, "a number that is not on the profile", b.kind.addNumber(b.sid, sid), 400, 70002, "")
}

func (b *bundle) evaluate() {
	b.t.Helper()
	b.must(b.kind.evaluate(b.sid, b.policySID))
	b.expectEvaluation()
}

// submit submits the bundle and reports whether it was accepted. It must not be if an object was left out.
func (b *bundle) submit() bool {
	b.t.Helper()
	return b.submitted(b.kind.submit(b.sid, nil))
}

func (b *bundle) submitWithCallback() bool {
	b.t.Helper()
	b.given["status_callback"] = b.receiver.url
	return b.submitted(b.kind.submit(b.sid, &b.receiver.url))
}

func (b *bundle) submitted(err error) bool {
	b.t.Helper()
	if b.lacks != "" {
		b.expectRefusal(err)
		return false
	}
	b.must(err)
	status, _ := b.answer()["status"].(string)
	if status != "pending-review" { // or already, as in the guides:
		status = "in-review"
	}
	b.expectStatus("Update", status)
	return true
}

// expectRefusal wants a submission to be refused, with the URL of an evaluation that says why.
func (b *bundle) expectRefusal(err error) {
	b.t.Helper()
	b.refused = true
	failure, ok := errors.AsType[*client.TwilioRestError](err)
	if !ok || failure.Status != 400 || failure.Code != 70002 {
		b.t.Fatalf("the submission without %s: %v", b.lacks, err)
	}
	evaluation := failure.Message[strings.LastIndex(failure.Message, "/")+1:]
	b.must(b.kind.fetchEvaluation(b.sid, evaluation))
	b.expectEvaluation()
}

// awaitApproval waits for the bundle's callbacks and fetches it.
func (b *bundle) awaitApproval() {
	b.t.Helper()
	b.receiver.await(b.t, b.sid, "pending-review", "in-review", "twilio-approved")
	b.must(b.kind.fetch(b.sid))
	b.expectStatus("Fetch", "twilio-approved")
}

func (w *walk) fetchPolicy(sid string) {
	w.t.Helper()
	_, err := w.service.FetchPolicies(sid)
	w.must(err)
	if got := w.answer(); got["sid"] != sid || !reflect.DeepEqual(got["requirements"], w.published.Policies[sid]) {
		w.t.Errorf("the policy is %s, want the requirements %s", show(got), show(w.published.Policies[sid]))
	}
}

// result is one of an evaluation.
type result struct {
	RequirementName string  `json:"requirement_name"`
	ObjectType      string  `json:"object_type"`
	Passed          bool    `json:"passed"`
	ErrorCode       *int    `json:"error_code"`
	FailureReason   *string `json:"failure_reason"`
	Valid, Invalid  []struct {
		ObjectField   string  `json:"object_field"`
		ErrorCode     *int    `json:"error_code"`
		FailureReason *string `json:"failure_reason"`
	}
}

// expectEvaluation wants the last answer to be an evaluation of the bundle by its policy, in which everything has passed except what
// was left out.
func (b *bundle) expectEvaluation() {
	b.t.Helper()
	answer := b.answer()
	status := "compliant"
	if b.lacks != "" {
		status = "noncompliant"
	}
	b.expect("Create"+b.kind.name()+"Evaluation", map[string]any{
		"account_sid": b.accountSID, b.kind.field(): b.sid, "policy_sid": b.policySID, "status": status, "results": answer["results"],
	})
	example := map[string]string{starterPolicy: "starter", soleProprietorPolicy: "sole_proprietor"}[b.policySID]
	if want := b.published.Evaluations[example]; want != nil && b.lacks == "" && !reflect.DeepEqual(answer["results"], any(want)) {
		b.t.Errorf("the results are\n%s\nwant\n%s", show(answer["results"]), show(want))
	}
	b.expectForm(answer["results"])

	var decoded struct{ Results []result }
	b.must(json.Unmarshal(b.wire.body, &decoded))
	var names []string
	for _, r := range decoded.Results {
		names = append(names, r.RequirementName)
		b.expectResult(r)
	}
	if want := slices.Sorted(maps.Keys(b.requirements)); !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		b.t.Errorf("the results are for %v, want %v", names, want)
	}
}

// expectForm wants each result to have the fields of the published ones.
func (b *bundle) expectForm(results any) {
	b.t.Helper()
	for _, each := range results.([]any) {
		got := slices.Sorted(maps.Keys(each.(map[string]any)))
		want := slices.Sorted(maps.Keys(b.published.Evaluations["starter"][0].(map[string]any)))
		if !slices.Equal(got, want) {
			b.t.Errorf("a result has the fields %v, want %v", got, want)
		}
	}
}

func (b *bundle) expectResult(r result) {
	b.t.Helper()
	want := b.requirements[r.RequirementName]
	var valid, invalid []string
	for _, f := range r.Valid {
		valid = append(valid, f.ObjectField)
	}
	for _, f := range r.Invalid {
		invalid = append(invalid, f.ObjectField)
		if f.ErrorCode == nil || f.FailureReason == nil || !slices.Contains(want.fields, f.ObjectField) {
			b.t.Errorf("%s has the invalid field %s, want one of %v with a reason", r.RequirementName, show(f), want.fields)
		}
	}
	slices.Sort(valid)
	ok := r.ObjectType == want.objectType
	if r.RequirementName == b.lacks {
		ok = ok && !r.Passed && r.ErrorCode != nil && *r.ErrorCode == want.code && r.FailureReason != nil && *r.FailureReason != "" &&
			len(valid) == 0 && len(invalid) > 0
	} else {
		ok = ok && r.Passed && r.ErrorCode == nil && r.FailureReason == nil && slices.Equal(valid, want.fields) && len(invalid) == 0
	}
	if !ok {
		b.t.Errorf("without %q the result is %s, want %v", b.lacks, show(r), want)
	}
}
