package console

import (
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// checklist is what a bundle's policy requires, and whether what is assigned now fulfills it. Nothing is stored for it.
type checklist struct {
	Status trust.Compliance
	Met    int
	Items  []checklistItem // one for each requirement
}

// checklistItem is a requirement.
type checklistItem struct {
	Title    string
	Kind     catalog.Kind // empty if the catalog does not have it
	Word     requirementStatus
	Reason   string           // why it is not met; empty if it is
	Fields   []checklistField // what is wrong
	Accepted []alternative    // what can be assigned for it, if it is missing
}

// checklistField is a field that is missing or invalid.
type checklistField struct {
	Name, Reason string
	Rule         string // what it must be; empty if the reason says so
}

// requirementStatus says in a word whether a requirement is met.
type requirementStatus string

const (
	requirementMet        requirementStatus = "met"
	requirementMissing    requirementStatus = "missing"    // nothing is assigned for it
	requirementIncomplete requirementStatus = "incomplete" // something is, but it is not as required
	requirementOptional   requirementStatus = "optional"   // nothing is assigned for it, and nothing need be
)

// newChecklist compares what is assigned with a policy, as an evaluation of the API does.
func newChecklist(policySID string, assigned trust.Assigned) checklist {
	status, results := catalog.Default().Evaluate(policySID, assigned)
	policy, _ := catalog.Default().Explain(policySID)
	list := checklist{Status: status}
	for _, result := range results {
		i := slices.IndexFunc(policy.Requirements, func(r catalog.Requirement) bool { return r.Name == result.RequirementName })
		var requirement catalog.Requirement
		if i >= 0 {
			requirement = policy.Requirements[i]
		}
		if result.Passed {
			list.Met++
		}
		list.Items = append(list.Items, newChecklistItem(result, requirement))
	}
	return list
}

func newChecklistItem(result trust.Result, requirement catalog.Requirement) checklistItem {
	item := checklistItem{Title: result.RequirementFriendlyName, Kind: requirement.Kind, Word: requirementMet}
	if result.Passed {
		if requirement.Optional && len(result.Valid) == 0 {
			item.Word = requirementOptional
		}
		return item
	}
	item.Word = requirementIncomplete
	item.Reason = *result.FailureReason
	if *result.ErrorCode == trust.CodeEndUserMissing || *result.ErrorCode == trust.CodeDocumentMissing {
		item.Word = requirementMissing
		for _, a := range requirement.Alternatives {
			item.Accepted = append(item.Accepted, alternativeOf(requirement.Kind, a))
		}
	}
	for _, field := range result.Invalid {
		if field.FailureReason == item.Reason {
			continue // of a bundle
		}
		rule := ruleOf(requirement, result.ObjectType, field.ObjectField)
		if strings.Contains(field.FailureReason, rule) {
			rule = ""
		}
		item.Fields = append(item.Fields, checklistField{field.ObjectField, field.FailureReason, rule})
	}
	return item
}

// ruleOf returns what the value of a field must be in words, or an empty string.
func ruleOf(requirement catalog.Requirement, objectType, field string) string {
	for _, a := range requirement.Alternatives {
		for _, f := range a.Fields {
			if a.Type == objectType && f.Name == field {
				return f.Rule
			}
		}
	}
	return ""
}
