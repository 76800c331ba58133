package catalog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// attributes returns an object of the first good value of each field, with one set to value, or left out if that is empty.
func attributes(t testing.TB, typ, field, value string) json.RawMessage {
	t.Helper()
	fields, ok := wantTypes()[typ]
	if !ok {
		t.Fatalf("type %s is not expected", typ)
	}
	var members []string
	for _, f := range fields {
		v := f.good[0]
		if f.name == field {
			v = value
		}
		if v != "" {
			members = append(members, fmt.Sprintf("%q: %s", f.name, v))
		}
	}
	return json.RawMessage("{" + strings.Join(members, ", ") + "}")
}

func sid(prefix string, n int) string { return fmt.Sprintf("%s%032x", prefix, n) }

// assign adds what fulfills a requirement.
func assign(t testing.TB, to *trust.Assigned, r wantRequirement) {
	t.Helper()
	switch n := len(to.EndUsers) + len(to.Documents) + len(to.Bundles); r.kind {
	case 'u':
		to.EndUsers = append(to.EndUsers, trust.EndUser{SID: sid("IT", n), Type: r.object, Attributes: attributes(t, r.object, "", "")})
	case 'd':
		to.Documents = append(to.Documents, trust.SupportingDocument{
			SID: sid("RD", n), Type: r.object, Attributes: attributes(t, r.object, "", ""),
		})
	case 'b':
		kind := trust.CustomerProfile
		if r.object == voiceIntegrity {
			kind = trust.TrustProduct
		}
		to.Bundles = append(to.Bundles, trust.Bundle{SID: sid("BU", n), Kind: kind, PolicySID: r.object, Status: trust.TwilioApproved})
	}
}

// assignAll returns what fulfills all requirements of a policy but the one that is left out.
func assignAll(t testing.TB, policy, leftOut string) trust.Assigned {
	t.Helper()
	var all trust.Assigned
	for _, r := range wantPolicies()[policy] {
		if r.name != leftOut {
			assign(t, &all, r)
		}
	}
	return all
}

// evaluate checks what is so of every evaluation of the policy, and returns the results by their requirement's name.
func evaluate(t testing.TB, policy string, assigned trust.Assigned) (trust.Compliance, map[string]trust.Result) {
	t.Helper()
	status, results := catalog.Default().Evaluate(policy, assigned)
	want := wantPolicies()[policy]
	if len(results) != len(want) {
		t.Fatalf("%d results for %d requirements", len(results), len(want))
	}
	byName, passed := map[string]trust.Result{}, true
	for i, r := range results {
		byName[r.RequirementName] = r
		passed = passed && r.Passed
		if r.RequirementName != want[i].name {
			t.Errorf("result %d is for %s, want %s", i, r.RequirementName, want[i].name)
		}
		if r.FriendlyName == "" || r.RequirementFriendlyName == "" || r.Valid == nil || r.Invalid == nil {
			t.Errorf("a part is missing: %+v", r)
		}
		if r.Passed != (r.FailureReason == nil) || r.Passed != (r.ErrorCode == nil) || r.Passed != (len(r.Invalid) == 0) {
			t.Errorf("passed, reason, code and invalid fields disagree: %+v", r)
		}
		for _, f := range r.Invalid {
			if f.FriendlyName == "" || f.ObjectField == "" || f.FailureReason == "" || f.ErrorCode == 0 {
				t.Errorf("a part is missing: %+v", f)
			}
		}
	}
	if (status == trust.Compliant) != passed || status != trust.Compliant && status != trust.Noncompliant {
		t.Errorf("status %s, all passed: %t", status, passed)
	}
	return status, byName
}

func validFields(r trust.Result) (names []string) {
	for _, f := range r.Valid {
		names = append(names, f.ObjectField)
	}
	return names
}

func invalidFields(r trust.Result) (names []string) {
	for _, f := range r.Invalid {
		names = append(names, f.ObjectField)
	}
	return names
}

func TestCompliant(t *testing.T) {
	for policy, requirements := range wantPolicies() {
		status, results := evaluate(t, policy, assignAll(t, policy, ""))
		if status != trust.Compliant {
			t.Errorf("%s: %s", policy, status)
		}
		for _, r := range requirements {
			want := []string{r.field}
			if r.kind != 'b' {
				want = nil
				for _, f := range wantTypes()[r.object] {
					want = append(want, f.name)
				}
			}
			if got := results[r.name]; got.ObjectType != r.evaluated || !slices.Equal(validFields(got), want) {
				t.Errorf("%s: %s is fulfilled by %s with %s, want %s with %s", policy, r.name, got.ObjectType, validFields(got), r.evaluated, want)
			}
		}
	}
}

func TestEachRequirementLeftOut(t *testing.T) {
	for policy, requirements := range wantPolicies() {
		for _, left := range requirements {
			status, results := evaluate(t, policy, assignAll(t, policy, left.name))
			for name, r := range results {
				if r.Passed != (name != left.name || left.optional) {
					t.Errorf("%s without %s: %s passed: %t", policy, left.name, name, r.Passed)
				}
			}
			got := results[left.name]
			if left.optional {
				if status != trust.Compliant || len(got.Valid) > 0 {
					t.Errorf("%s without the optional %s: %s, %+v", policy, left.name, status, got)
				}
				continue
			}
			wantCode, wantInvalid := 22216, []string{left.field}
			if left.kind == 'u' {
				wantCode = 22214
			}
			if left.kind != 'b' {
				wantInvalid = nil
				for _, f := range wantTypes()[left.object] {
					if !f.optional {
						wantInvalid = append(wantInvalid, f.name)
					}
				}
			}
			if status != trust.Noncompliant || *got.ErrorCode != wantCode || got.ObjectType != left.evaluated ||
				!slices.Equal(invalidFields(got), wantInvalid) || len(got.Valid) > 0 {
				t.Errorf("%s without %s: %s, %+v", policy, left.name, status, got)
			}
		}
	}
}

func TestNothingAssigned(t *testing.T) {
	for policy, requirements := range wantPolicies() {
		status, results := evaluate(t, policy, trust.Assigned{})
		if status != trust.Noncompliant {
			t.Errorf("%s: %s", policy, status)
		}
		for _, r := range requirements {
			if results[r.name].Passed != r.optional {
				t.Errorf("%s: %s passed: %t", policy, r.name, !r.optional)
			}
		}
	}
}

// withAttributes returns all with the attributes of the objects of one type replaced.
func withAttributes(all trust.Assigned, typ string, a json.RawMessage) trust.Assigned {
	for i := range all.EndUsers {
		if all.EndUsers[i].Type == typ {
			all.EndUsers[i].Attributes = a
		}
	}
	for i := range all.Documents {
		if all.Documents[i].Type == typ {
			all.Documents[i].Attributes = a
		}
	}
	return all
}

func TestEachFieldRule(t *testing.T) {
	for policy, requirements := range wantPolicies() {
		for _, r := range requirements {
			if r.kind == 'b' {
				continue
			}
			for _, f := range wantTypes()[r.object] {
				check := func(value string, wantPass bool) {
					t.Helper()
					status, results := evaluate(t, policy, withAttributes(assignAll(t, policy, ""), r.object, attributes(t, r.object, f.name, value)))
					got := results[r.name]
					if (status == trust.Compliant) != wantPass || got.Passed != wantPass {
						t.Errorf("%s, %s, %s = %s: %s, %+v", policy, r.name, f.name, value, status, got)
					}
					if wantPass {
						return
					}
					code := 22215
					if r.kind == 'd' {
						code = 22219 // the only field of the documents that a policy asks for is an address
					}
					if !slices.Equal(invalidFields(got), []string{f.name}) || len(got.Valid) != len(wantTypes()[r.object])-1 ||
						got.Invalid[0].ErrorCode != code || *got.ErrorCode != code {
						t.Errorf("%s, %s, %s = %s: %+v", policy, r.name, f.name, value, got)
					}
				}
				for _, value := range f.good {
					check(value, true)
				}
				for _, value := range slices.Concat(f.bad, notText) {
					check(value, false)
				}
				for _, value := range append([]string{""}, nothing...) {
					check(value, f.optional)
				}
			}
		}
	}
}

// Attributes are personal data, and results are kept and shown.
func TestResultsContainNoValues(t *testing.T) {
	for typ, fields := range wantTypes() {
		for policy := range wantPolicies() {
			for _, f := range fields {
				for _, value := range []string{`"Secret#1"`, `["Secret#1"]`, `{"Secret#1": "Secret#1"}`} {
					_, results := catalog.Default().Evaluate(policy, withAttributes(assignAll(t, policy, ""), typ, attributes(t, typ, f.name, value)))
					if got, err := json.Marshal(results); err != nil || strings.Contains(string(got), "Secret") {
						t.Errorf("%s: %s, %v", f.name, got, err)
					}
				}
			}
		}
	}
}

func TestAddressSIDs(t *testing.T) {
	for value, want := range map[string]string{
		``: "Address sids list is empty", `""`: "Address sids list is empty", `[]`: "Address sids list is empty", `[" "]`: "Address sids list is empty",
	} {
		_, results := evaluate(t, starter, withAttributes(assignAll(t, starter, ""), "customer_profile_address",
			attributes(t, "customer_profile_address", "address_sids", value)))
		if got := results["customer_profile_address"]; got.Passed || got.Invalid[0].FailureReason != want {
			t.Errorf("address_sids %s: %+v", value, got)
		}
	}
}

// Every policy that the catalog has is expected in full, and nothing else is.
func TestEveryFieldIsExpected(t *testing.T) {
	c := catalog.Default()
	var sids []string
	for _, p := range c.Policies() {
		sids = append(sids, p.SID)
		explained, _ := c.Explain(p.SID)
		for _, r := range explained.Requirements {
			for _, a := range r.Alternatives {
				var got, want []string
				for _, f := range a.Fields {
					got = append(got, fmt.Sprintf("%s %t", f.Name, f.Optional))
				}
				for _, f := range wantTypes()[a.Type] {
					want = append(want, fmt.Sprintf("%s %t", f.name, f.optional))
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s: fields %s, want %s", p.SID, a.Type, got, want)
				}
			}
		}
	}
	if want := slices.Sorted(maps.Keys(wantPolicies())); !slices.Equal(sids, want) {
		t.Errorf("policies %s, want %s", sids, want)
	}
}

func TestBundleStatuses(t *testing.T) {
	for _, c := range []struct {
		policy, requirement string
		enough              []trust.Status
	}{
		{secondary, "primary_customer_profile", []trust.Status{trust.TwilioApproved}},
		{starter, "primary_customer_profile", []trust.Status{trust.TwilioApproved}},
		{a2p, "customer_profile", []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioApproved}},
		{soleProprietor, "customer_profile", []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioApproved}},
		{branded, "voice_integrity_trust_product", []trust.Status{trust.TwilioApproved}},
	} {
		for _, status := range trust.Statuses() {
			all := assignAll(t, c.policy, "")
			all.Bundles[len(all.Bundles)-1].Status = status // the last requirement's
			_, results := evaluate(t, c.policy, all)
			got := results[c.requirement]
			if got.Passed != slices.Contains(c.enough, status) {
				t.Errorf("%s, %s: passed: %t", c.policy, status, got.Passed)
			}
			if !got.Passed && (*got.ErrorCode != 22217 || !strings.Contains(*got.FailureReason, string(status))) {
				t.Errorf("%s, %s: %+v", c.policy, status, got)
			}
		}
	}
}

func TestPrimaryIsMissing(t *testing.T) {
	_, results := evaluate(t, secondary, assignAll(t, secondary, "primary_customer_profile"))
	if got := *results["primary_customer_profile"].FailureReason; got != "Primary customer profile bundle is null" {
		t.Error(got)
	}
}

// A bundle of another policy, or of another kind with the right policy, is not what is asked for.
func TestBundleOfAnotherPolicyOrKind(t *testing.T) {
	all := assignAll(t, a2p, "")
	all.Bundles[0].PolicySID = starter
	if status, _ := evaluate(t, a2p, all); status != trust.Noncompliant {
		t.Error("a Starter profile was enough")
	}
	all = assignAll(t, a2p, "")
	all.Bundles[0].Kind = trust.TrustProduct
	if status, _ := evaluate(t, a2p, all); status != trust.Noncompliant {
		t.Error("a Trust Product with the policy of a Customer Profile was enough")
	}
}

func TestAlternatives(t *testing.T) {
	document := func(n int, typ, value string) trust.SupportingDocument {
		return trust.SupportingDocument{SID: sid("RD", n), Type: typ, Attributes: attributes(t, typ, "address_sids", value)}
	}
	const general, special, good, bad = "customer_profile_address", "starter_customer_profile_address", `"AD0123456789abcdef0123456789abcdef"`, `"x"`
	for name, c := range map[string]struct {
		documents []trust.SupportingDocument
		want      string
		passed    bool
	}{
		"the second":                  {[]trust.SupportingDocument{document(1, special, good)}, special, true},
		"both":                        {[]trust.SupportingDocument{document(2, special, good), document(1, general, good)}, general, true},
		"the first is invalid":        {[]trust.SupportingDocument{document(1, special, good), document(2, general, bad)}, special, true},
		"both are invalid":            {[]trust.SupportingDocument{document(1, special, bad), document(2, general, bad)}, general, false},
		"the second alone is invalid": {[]trust.SupportingDocument{document(1, special, bad)}, special, false},
		"an unknown type":             {[]trust.SupportingDocument{{SID: sid("RD", 1), Type: "passport", Attributes: json.RawMessage(`{"address_sids": ` + good + `}`)}}, general, false},
		"another type":                {[]trust.SupportingDocument{{SID: sid("RD", 1), Type: "government_issued_proof_of_authorized_representative"}}, general, false},
	} {
		all := assignAll(t, starter, "customer_profile_address")
		all.Documents = c.documents
		_, results := evaluate(t, starter, all)
		if got := results["customer_profile_address"]; got.ObjectType != c.want || got.Passed != c.passed {
			t.Errorf("%s: %+v", name, got)
		}
	}
	all := assignAll(t, a2p, "customer_profile")
	assign(t, &all, profile("", "", primary, ""))
	if status, results := evaluate(t, a2p, all); status != trust.Compliant || results["customer_profile"].ObjectType != "primary_customer_profile_type_business" {
		t.Errorf("the business's own Primary: %s", status)
	}
}

func TestNewestObjectCounts(t *testing.T) {
	object := func(n int, value string) trust.EndUser {
		return trust.EndUser{SID: sid("IT", n), Type: "cnam_information", Attributes: attributes(t, "cnam_information", "cnam_display_name", value)}
	}
	for name, c := range map[string]struct {
		objects []trust.EndUser
		wrong   string // the field that is wrong
	}{
		"one that fulfills": {[]trust.EndUser{object(1, `"Owl"`), object(3, ``), object(2, `"5"`)}, ""},
		"none":              {[]trust.EndUser{object(1, ``), object(3, `"5"`), object(2, ``)}, "must be"},
	} {
		for range 2 {
			slices.Reverse(c.objects)
			all := assignAll(t, cnam, "cnam_information")
			all.EndUsers = c.objects
			_, results := evaluate(t, cnam, all)
			got := results["cnam_information"]
			if got.Passed != (c.wrong == "") || !got.Passed && !strings.Contains(got.Invalid[0].FailureReason, c.wrong) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestUnknownPolicy(t *testing.T) {
	status, results := catalog.Default().Evaluate("RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", assignAll(t, a2p, ""))
	if status != trust.Compliant || results == nil || len(results) > 0 {
		t.Errorf("%s, %v", status, results)
	}
}
