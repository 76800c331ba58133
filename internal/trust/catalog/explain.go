package catalog

import (
	"slices"
	"strings"
)

// Explanation is a policy in words. It has a JSON form, which `trusthub policies` prints.
type Explanation struct {
	SID          string        `json:"sid"`
	FriendlyName string        `json:"friendly_name"`
	Requirements []Requirement `json:"requirements"` // in the order of an evaluation's results
}

// Requirement is one thing that a policy asks for. Any of its alternatives fulfills it.
type Requirement struct {
	Name         string        `json:"requirement_name"` // as in a result
	Title        string        `json:"friendly_name"`
	Kind         Kind          `json:"kind"`
	Optional     bool          `json:"optional"` // nothing need be assigned for it
	Alternatives []Alternative `json:"alternatives"`
}

// Alternative is an object of one type that fulfills a requirement.
type Alternative struct {
	Type       string           `json:"type"` // the machine name: Type of an end user or a document, object_type in a result
	Title      string           `json:"friendly_name"`
	Fields     []ExplainedField `json:"fields,omitempty"`      // of an end user or a document
	PolicySIDs []string         `json:"policy_sids,omitempty"` // of a bundle: must have one of these; nil: no policy is known
	Statuses   []string         `json:"statuses,omitempty"`    // of a bundle: it must have one of these statuses
}

// ExplainedField is a field with its rule in words.
type ExplainedField struct {
	Name     string   `json:"name"` // the key in Attributes
	Title    string   `json:"friendly_name"`
	Optional bool     `json:"optional"`
	Rule     string   `json:"rule"`             // what the value must be, such as "text" or "one of private, public"
	Values   []string `json:"values,omitempty"` // the enumeration, nil for none
}

// Describe returns what the alternative asks for, such as "an end user of type cnam_information". kind is that of its
// requirement. It does not name the policies that a bundle may have.
func (a Alternative) Describe(kind Kind) string {
	switch kind {
	case EndUser, SupportingDocument:
		article := "a "
		if kind == EndUser {
			article = "an "
		}
		return article + string(kind) + " of type " + a.Type
	case CustomerProfile, TrustProduct:
	}
	return "a " + string(kind) + " with status " + strings.Join(a.Statuses, " or ")
}

// Explain returns a policy in words, false if it is unknown.
func (c *Catalog) Explain(policySID string) (Explanation, bool) {
	p, ok := c.policies[policySID]
	if !ok {
		return Explanation{}, false
	}
	e := Explanation{SID: p.SID, FriendlyName: p.FriendlyName}
	for _, r := range p.requirements {
		explained := Requirement{Name: r.name, Title: r.friendlyName, Kind: r.kind, Optional: r.optional}
		for _, a := range r.alternatives {
			explained.Alternatives = append(explained.Alternatives, a.explain())
		}
		e.Requirements = append(e.Requirements, explained)
	}
	return e, true
}

func (a alternative) explain() Alternative {
	e := Alternative{Type: a.objectType, Title: a.name}
	for _, f := range a.fields {
		e.Fields = append(e.Fields, ExplainedField{
			Name: f.MachineName, Title: f.EvaluationName, Optional: f.optional,
			Rule: f.Rule.describe(), Values: slices.Clone(f.Rule.Enum),
		})
	}
	if a.bundle != nil {
		e.PolicySIDs = slices.Clone(a.bundle.PolicySIDs)
		for _, s := range a.bundle.Statuses {
			e.Statuses = append(e.Statuses, string(s))
		}
	}
	return e
}
