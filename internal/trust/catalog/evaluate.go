package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Evaluate compares what is assigned with a policy. It returns one result for each requirement, in the order in which the
// policy lists them: end users, documents, Customer Profiles, Trust Products. A policy that is unknown requires nothing.
//
// Of several objects of one type, the newest (by its SID) that fulfills the requirement counts, else the newest. Of several
// alternatives, the first that is fulfilled counts, else the first that anything is assigned for, else the first.
func (c *Catalog) Evaluate(policySID string, assigned trust.Assigned) (trust.Compliance, []trust.Result) {
	status, results := trust.Compliant, []trust.Result{}
	p, ok := c.policies[policySID]
	if !ok {
		return status, results
	}
	for _, r := range p.requirements {
		result := r.evaluate(assigned)
		if !result.Passed {
			status = trust.Noncompliant
		}
		results = append(results, result)
	}
	return status, results
}

func (r requirement) evaluate(assigned trust.Assigned) trust.Result {
	chosen := r.alternatives[0].attempt(r.kind, assigned)
	for _, a := range r.alternatives[1:] {
		if next := a.attempt(r.kind, assigned); next.rank() > chosen.rank() {
			chosen = next
		}
	}
	if r.optional && !chosen.found {
		chosen.invalid, chosen.reason, chosen.code = []trust.InvalidField{}, "", 0
	}
	result := trust.Result{
		FriendlyName: chosen.name, ObjectType: chosen.objectType, Passed: chosen.reason == "",
		Valid: chosen.valid, Invalid: chosen.invalid,
		RequirementFriendlyName: r.friendlyName, RequirementName: r.name,
	}
	if !result.Passed {
		result.FailureReason, result.ErrorCode = &chosen.reason, &chosen.code
	}
	return result
}

// attempt is what came of an alternative.
type attempt struct {
	alternative

	found   bool // anything is assigned for it
	valid   []trust.ValidField
	invalid []trust.InvalidField
	reason  string // empty if it is fulfilled
	code    int
}

func (a attempt) rank() int {
	switch {
	case a.reason == "":
		return 2
	case a.found:
		return 1
	}
	return 0
}

func (a alternative) attempt(kind Kind, assigned trust.Assigned) attempt {
	switch kind {
	case EndUser:
		return a.attemptObjects(kind, assigned.EndUsers)
	case SupportingDocument:
		objects := make([]trust.EndUser, len(assigned.Documents))
		for i, d := range assigned.Documents {
			objects[i] = trust.EndUser(d)
		}
		return a.attemptObjects(kind, objects)
	default:
		return a.attemptBundles(assigned.Bundles)
	}
}

func (a alternative) attemptObjects(kind Kind, objects []trust.EndUser) attempt {
	best := a.missing(kind)
	for _, o := range newestFirst(objects, func(o trust.EndUser) string { return o.SID }) {
		if o.Type != a.objectType {
			continue
		}
		if next := a.compare(o.Attributes); next.rank() > best.rank() {
			best = next
		}
	}
	return best
}

// missing is the attempt without an object.
func (a alternative) missing(kind Kind) attempt {
	none := a.compare(nil)
	none.found = false
	none.reason = fmt.Sprintf("%s is missing: no %s of type %s is assigned.", a.name, kind, a.objectType)
	none.code = trust.CodeEndUserMissing
	if kind == SupportingDocument {
		none.code = trust.CodeDocumentMissing
	}
	return none
}

// compare returns the attempt with an object. If its attributes are not a JSON object, all fields are missing.
func (a alternative) compare(attributes json.RawMessage) attempt {
	var given map[string]json.RawMessage
	if json.Unmarshal(attributes, &given) != nil {
		given = nil
	}
	result := attempt{alternative: a, found: true, valid: []trust.ValidField{}, invalid: []trust.InvalidField{}}
	for _, f := range a.fields {
		missing, reason := f.check(given)
		switch {
		case missing && f.optional:
		case reason == "":
			result.valid = append(result.valid, trust.ValidField{FriendlyName: f.EvaluationName, ObjectField: f.MachineName})
		default:
			result.invalid = append(result.invalid, trust.InvalidField{
				FriendlyName: f.EvaluationName, ObjectField: f.MachineName, FailureReason: reason, ErrorCode: f.ErrorCode,
			})
		}
	}
	if len(result.invalid) > 0 {
		result.reason = fmt.Sprintf("%s is incomplete: see its invalid fields.", a.name)
		result.code = result.invalid[0].ErrorCode
	}
	return result
}

func (a alternative) attemptBundles(bundles []trust.Bundle) attempt {
	best := a.refuse(a.bundle.FriendlyName+" bundle is null", trust.CodeDocumentMissing)
	best.found = false
	for _, b := range newestFirst(bundles, func(b trust.Bundle) string { return b.SID }) {
		if b.Kind != a.bundle.Kind || !slices.Contains(a.bundle.PolicySIDs, b.PolicySID) {
			continue
		}
		next := a.refuse(fmt.Sprintf("%s bundle is %s, but must be %s", a.bundle.FriendlyName, b.Status, a.bundle.wanted()),
			trust.CodeDocumentField)
		if slices.Contains(a.bundle.Statuses, b.Status) {
			next = attempt{alternative: a, found: true, invalid: []trust.InvalidField{}, valid: []trust.ValidField{
				{FriendlyName: a.bundle.EvaluationName, ObjectField: a.bundle.EvaluatedField},
			}}
		}
		if next.rank() > best.rank() {
			best = next
		}
	}
	return best
}

// refuse is the attempt with a bundle that is missing or not far enough.
func (a alternative) refuse(reason string, code int) attempt {
	return attempt{
		alternative: a, found: true, reason: reason, code: code, valid: []trust.ValidField{}, invalid: []trust.InvalidField{{
			FriendlyName: a.bundle.EvaluationName, ObjectField: a.bundle.EvaluatedField,
			FailureReason: reason, ErrorCode: trust.CodeDocumentField,
		}},
	}
}

// wanted returns the statuses in words.
func (t *bundleType) wanted() string {
	names := make([]string, len(t.Statuses))
	for i, s := range t.Statuses {
		names[i] = string(s)
	}
	return strings.Join(names, " or ")
}

// newestFirst returns a sorted copy. SIDs made later sort later.
func newestFirst[T any](all []T, sid func(T) string) []T {
	return slices.SortedStableFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(sid(b), sid(a)) })
}
