package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	p, ok := c.policies[policySID]
	if !ok {
		return trust.Compliant, []trust.Result{}
	}
	status, results := trust.Compliant, make([]trust.Result, 0, len(p.requirements))
	sorted := newestFirst(assigned)
	for i := range p.requirements {
		result := p.requirements[i].evaluate(sorted)
		if !result.Passed {
			status = trust.Noncompliant
		}
		results = append(results, result)
	}
	return status, results
}

// candidates is what is assigned, the newest first. Documents convert to end users, so that both are compared alike.
type candidates struct {
	endUsers, documents []trust.EndUser
	bundles             []trust.Bundle
}

// newestFirst sorts what is assigned. SIDs made later sort later.
func newestFirst(assigned trust.Assigned) candidates {
	all := candidates{endUsers: slices.Clone(assigned.EndUsers), bundles: slices.Clone(assigned.Bundles)}
	for _, d := range assigned.Documents {
		all.documents = append(all.documents, trust.EndUser(d))
	}
	bySID := func(a, b trust.EndUser) int { return cmp.Compare(b.SID, a.SID) }
	slices.SortStableFunc(all.endUsers, bySID)
	slices.SortStableFunc(all.documents, bySID)
	slices.SortStableFunc(all.bundles, func(a, b trust.Bundle) int { return cmp.Compare(b.SID, a.SID) })
	return all
}

func (r *requirement) evaluate(all candidates) trust.Result {
	var chosen attempt
	for i := range r.alternatives {
		if next := r.alternatives[i].attempt(r.kind, all); next.rank() > chosen.rank() {
			chosen = next
		}
	}
	if !chosen.found {
		chosen = r.alternatives[0].missing(r.kind)
		if r.optional {
			chosen.invalid, chosen.reason, chosen.code = []trust.InvalidField{}, "", 0
		}
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
	*alternative

	found   bool // anything is assigned for it
	valid   []trust.ValidField
	invalid []trust.InvalidField
	reason  string // empty if it is fulfilled
	code    int
}

func (a *attempt) rank() int {
	switch {
	case !a.found:
		return 0
	case a.reason != "":
		return 1
	}
	return 2
}

// attempt compares the objects of the alternative's type with it and returns the best attempt. Without such an object it returns
// the zero attempt.
func (a *alternative) attempt(kind Kind, all candidates) attempt {
	switch kind {
	case EndUser:
		return a.attemptObjects(all.endUsers)
	case SupportingDocument:
		return a.attemptObjects(all.documents)
	default:
		return a.attemptBundles(all.bundles)
	}
}

func (a *alternative) attemptObjects(objects []trust.EndUser) (best attempt) {
	for i := range objects {
		if objects[i].Type != a.objectType {
			continue
		}
		if next := a.compare(objects[i].Attributes); next.rank() > best.rank() {
			best = next
		}
	}
	return best
}

// missing is the attempt without an object.
func (a *alternative) missing(kind Kind) attempt {
	if a.bundle != nil {
		none := a.refuse(a.bundle.FriendlyName+" bundle is null", trust.CodeDocumentMissing)
		none.found = false
		return none
	}
	none := a.compare(nil)
	none.found = false
	none.reason = fmt.Sprintf("%s is missing: no %s of type %s is assigned.", a.name, kind, a.objectType)
	none.code = trust.CodeEndUserMissing
	if kind == SupportingDocument {
		none.code = trust.CodeDocumentMissing
	}
	return none
}

// compare returns the attempt with an object.
func (a *alternative) compare(attributes json.RawMessage) attempt {
	given := parse(attributes)
	result := attempt{
		alternative: a, found: true,
		valid: make([]trust.ValidField, 0, len(a.fields)), invalid: []trust.InvalidField{},
	}
	for _, f := range a.fields {
		missing, reason := f.check(given[f.MachineName])
		switch {
		case missing && f.optional:
		case reason == "":
			result.valid = append(result.valid, trust.NewValidField(f.EvaluationName, f.MachineName))
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

// parse returns the values of attributes, or nil if they are not a JSON object. Numbers stay text, because they may be too large.
func parse(attributes json.RawMessage) map[string]any {
	var value any // a map would be filled by reflection, which takes longer
	d := json.NewDecoder(bytes.NewReader(attributes))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // something follows the value
		return nil
	}
	given, _ := value.(map[string]any)
	return given
}

func (a *alternative) attemptBundles(bundles []trust.Bundle) (best attempt) {
	for _, b := range bundles {
		if b.Kind != a.bundle.Kind || !slices.Contains(a.bundle.PolicySIDs, b.PolicySID) {
			continue
		}
		next := attempt{alternative: a, found: true, invalid: []trust.InvalidField{}, valid: []trust.ValidField{
			trust.NewValidField(a.bundle.EvaluationName, a.bundle.EvaluatedField),
		}}
		if !slices.Contains(a.bundle.Statuses, b.Status) {
			next = a.refuse(fmt.Sprintf("%s bundle is %s, but must be %s", a.bundle.FriendlyName, b.Status, a.bundle.wanted()),
				trust.CodeDocumentField)
		}
		if next.rank() > best.rank() {
			best = next
		}
	}
	return best
}

// refuse is the attempt with a bundle that is missing or not far enough.
func (a *alternative) refuse(reason string, code int) attempt {
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
