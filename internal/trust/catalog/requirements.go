package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Kind is what a requirement asks to be assigned.
type Kind string

// The four kinds.
const (
	EndUser            Kind = "end user"
	SupportingDocument Kind = "supporting document"
	CustomerProfile    Kind = "customer profile"
	TrustProduct       Kind = "trust product"
)

// requirement is fulfilled by any of its alternatives.
type requirement struct {
	kind         Kind
	name         string
	friendlyName string
	optional     bool // if nothing is assigned for it; what is assigned must be right
	alternatives []alternative
}

// alternative is an object of one type: a bundle, or an end user or document with these fields.
type alternative struct {
	objectType string
	name       string
	fields     []requiredField
	bundle     *bundleType // nil for an end user or a document
}

type requiredField struct {
	*field

	optional bool
}

// prepare derives what Evaluate reads from what the API returns.
func (c *Catalog) prepare(p *policy) error {
	var compact bytes.Buffer
	var all published
	if err := decode(p.Requirements, &all); err != nil {
		return err
	}
	if err := json.Compact(&compact, p.Requirements); err != nil {
		return err
	}
	p.Requirements = compact.Bytes()
	b := builder{policy: p}
	for _, o := range all.EndUsers {
		b.addObject(EndUser, o.RequirementName, o, c.endUserTypes, endUsersPath)
	}
	for _, group := range all.Documents {
		for _, d := range group {
			for _, o := range d.Accepted {
				b.addObject(SupportingDocument, d.RequirementName, o, c.documentTypes, documentsPath)
			}
		}
	}
	for _, o := range all.Profiles {
		b.addBundle(CustomerProfile, o, c.bundleTypes)
	}
	for _, o := range all.Products {
		b.addBundle(TrustProduct, o, c.bundleTypes)
	}
	b.applyOptional()
	return errors.Join(b.errs...)
}

// builder collects the requirements of a policy. Entries with one requirement name are alternatives of one requirement.
type builder struct {
	policy *policy
	errs   []error
}

func (b *builder) addObject(kind Kind, requirementName string, o publishedObject, types map[string]*objectType, path string) {
	t := types[o.Type]
	if t == nil || o.URL != path+o.Type {
		b.errs = append(b.errs, fmt.Errorf("requirement %s: type %s is unknown or its url is wrong", requirementName, o.Type))
		return
	}
	a := alternative{objectType: o.Type, name: o.Name}
	for _, name := range o.Fields {
		f := t.field(name)
		if f == nil {
			b.errs = append(b.errs, fmt.Errorf("requirement %s: type %s has no field %s", requirementName, o.Type, name))
			continue
		}
		a.fields = append(a.fields, requiredField{field: f})
	}
	b.add(kind, requirementName, a)
}

func (b *builder) addBundle(kind Kind, o publishedObject, types map[string]*bundleType) {
	t := types[o.Type]
	if t == nil || (t.Kind == trust.TrustProduct) != (kind == TrustProduct) {
		b.errs = append(b.errs,
			fmt.Errorf("requirement %s: bundle type %s is unknown or of another kind", o.RequirementName, o.Type))
		return
	}
	b.add(kind, o.RequirementName, alternative{objectType: o.Type, name: o.Name, bundle: t})
}

func (b *builder) add(kind Kind, name string, a alternative) {
	if name == "" || a.name == "" {
		b.errs = append(b.errs, fmt.Errorf("requirement %q: a name is missing", name))
	}
	if r := b.find(name); r == nil {
		b.policy.requirements = append(b.policy.requirements, requirement{
			kind: kind, name: name, friendlyName: titleOf(name), alternatives: []alternative{a},
		})
	} else if r.kind == kind {
		r.alternatives = append(r.alternatives, a)
	} else {
		b.errs = append(b.errs, fmt.Errorf("requirement %s: its alternatives are of different kinds", name))
	}
}

func (b *builder) find(name string) *requirement {
	for i := range b.policy.requirements {
		if r := &b.policy.requirements[i]; r.name == name {
			return r
		}
	}
	return nil
}

func (b *builder) applyOptional() {
	for _, name := range b.policy.Optional.Requirements {
		r := b.find(name)
		if r == nil {
			b.errs = append(b.errs, fmt.Errorf("optional requirement %s is unknown", name))
			continue
		}
		r.optional = true
	}
	for name, fields := range b.policy.Optional.Fields {
		for _, field := range fields {
			if r := b.find(name); r == nil || !r.makeOptional(field) {
				b.errs = append(b.errs, fmt.Errorf("optional field %s of requirement %s is unknown", field, name))
			}
		}
	}
}

func (r *requirement) makeOptional(field string) (found bool) {
	for _, a := range r.alternatives {
		for i := range a.fields {
			if a.fields[i].MachineName == field {
				a.fields[i].optional, found = true, true
			}
		}
	}
	return found
}

// titleOf returns a requirement's name as evaluations show it: first_name is First Name.
func titleOf(machineName string) string {
	words := strings.Split(machineName, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
