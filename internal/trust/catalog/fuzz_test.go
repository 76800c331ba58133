package catalog_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// FuzzEvaluate gives every object of a compliant bundle the same arbitrary attributes. Evaluate must not panic, must give the
// same results in whatever order the objects come, and evaluate checks that the results agree with each other.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `{}`, `{"a":`, `"text"`, `{"address_sids": [["AD"]]}`, `{"address_sids": ["AD0123456789abcdef0123456789abcdef", 1e999]}`,
		`{"first_name": "A", "first_name": null}`, `{"cnam_display_name": "A` + "\xff" + `"}`, `{"phone_number": "+1\u0000"}`, `{"First_Name": "A"}`,
		`{"business_regions_of_operation": ",,ASIA,"}`,
	} {
		f.Add([]byte(seed), uint8(len(seed)))
	}
	policies := slices.Sorted(maps.Keys(wantPolicies()))
	f.Fuzz(func(t *testing.T, attributes []byte, n uint8) {
		policy := policies[int(n)%len(policies)]
		all := assignAll(t, policy, "")
		for i := range all.EndUsers {
			all.EndUsers[i].Attributes = attributes
		}
		for i := range all.Documents {
			all.Documents[i].Attributes = attributes
		}
		all.EndUsers = append(all.EndUsers, trust.EndUser{SID: sid("IT", 1000), Type: string(attributes), Attributes: attributes})
		status, results := evaluate(t, policy, all)
		kept, err := json.Marshal(results)
		if err != nil || !utf8.Valid(kept) {
			t.Errorf("%s, %v", kept, err)
		}
		slices.Reverse(all.EndUsers)
		slices.Reverse(all.Documents)
		slices.Reverse(all.Bundles)
		if again, other := evaluate(t, policy, all); again != status || !reflect.DeepEqual(other, results) {
			t.Errorf("another order of the same objects: %s %+v, before %s %+v", again, other, status, results)
		}
	})
}

// FuzzOptionalFields adds optional fields with an arbitrary value to a compliant bundle. What may make it noncompliant is only
// that the value breaks the field's rule: text that is not blank breaks none but an e-mail address's.
func FuzzOptionalFields(f *testing.F) {
	for _, seed := range []string{`"A"`, `"a@b"`, `"@"`, `5`, `["A"]`, `["A", 5]`, `{}`, `" "`, `null`, `","`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if !json.Valid(value) {
			return
		}
		var text string
		isText := json.Unmarshal(value, &text) == nil
		for policy, requirements := range wantPolicies() {
			for _, r := range requirements {
				for _, field := range wantTypes()[r.object] {
					if !field.optional {
						continue
					}
					before, _ := evaluate(t, policy, withAttributes(assignAll(t, policy, ""), r.object, attributes(t, r.object, field.name, "")))
					status, results := evaluate(t, policy, withAttributes(assignAll(t, policy, ""), r.object, attributes(t, r.object, field.name, string(value))))
					broken := status != trust.Compliant
					if before != trust.Compliant || broken && !slices.Equal(invalidFields(results[r.name]), []string{field.name}) {
						t.Errorf("%s, %s = %s: %s, then %s: %+v", policy, field.name, value, before, status, results[r.name])
					}
					if broken && isText && field.name != "brand_contact_email" {
						t.Errorf("%s, %s = %s is invalid, but the field has no rule", policy, field.name, value)
					}
				}
			}
		}
	})
}

// A bundle with nothing but objects that the policy does not ask for is evaluated as an empty one.
func TestOtherObjectsAreIgnored(t *testing.T) {
	_, want := evaluate(t, secondary, trust.Assigned{})
	_, got := evaluate(t, secondary, assignAll(t, soleProprietor, ""))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Of members with the same name the last one counts. Attributes that are not one JSON object have no members.
func TestUnusualAttributes(t *testing.T) {
	for attributes, want := range map[string]string{
		`{"cnam_display_name": "5", "cnam_display_name": "Owl"}`:    "",
		`{"cnam_display_name": "Owl", "cnam_display_name": null}`:   "missing",
		`{"cnam_display_name": "Owl", "cnam_display_name": 5}`:      "must be text",
		`{"other": 1e999, "cnam_display_name": "\u004fwl"} ` + "\n": "",
		`{"cnam_display_name": "Owl"} {}`:                           "missing",
		`{"cnam_display_name": "Owl"}}`:                             "missing",
		`{"cnam_display_name": "Owl",}`:                             "missing",
		`[{"cnam_display_name": "Owl"}]`:                            "missing",
		`null`:                                                      "missing",
		``:                                                          "missing",
	} {
		_, results := evaluate(t, cnam, withAttributes(assignAll(t, cnam, ""), "cnam_information", json.RawMessage(attributes)))
		got := results["cnam_information"]
		if got.Passed != (want == "") || !got.Passed && !strings.Contains(got.Invalid[0].FailureReason, want) {
			t.Errorf("%s: %+v", attributes, got)
		}
	}
}
