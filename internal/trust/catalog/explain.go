package catalog

import "slices"

// Explanation is a policy in words.
type Explanation struct {
	SID          string
	FriendlyName string
	Requirements []Requirement // in the order of an evaluation's results
}

// Requirement is one thing that a policy asks for. Any of its alternatives fulfills it.
type Requirement struct {
	Name         string // requirement_name in a result
	Title        string
	Kind         Kind
	Optional     bool // nothing need be assigned for it
	Alternatives []Alternative
}

// Alternative is an object of one type that fulfills a requirement.
type Alternative struct {
	Type       string // the machine name: Type of an end user or a document, object_type in a result
	Title      string
	Fields     []ExplainedField // of an end user or a document
	PolicySIDs []string         // of a bundle: it must have one of these policies; nil if none is known
	Statuses   []string         // of a bundle: it must have one of these statuses
}

// ExplainedField is a field with its rule in words.
type ExplainedField struct {
	Name     string // the key in Attributes
	Title    string
	Optional bool
	Rule     string   // what the value must be, such as "text" or "one of private, public"
	Values   []string // the enumeration, nil for none
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
