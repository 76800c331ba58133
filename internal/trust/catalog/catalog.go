// Package catalog knows the policies, what each of them requires, and the types of end users and supporting documents. It
// evaluates what is assigned to a bundle against a policy.
//
// The policies and types are data: one JSON file each below data, embedded. Beside what the API returns, a file says what
// is optional, which values a field takes, and in "marks" which of its parts are published, observed by somebody on the real
// service, or inferred.
//
// As in package trust, the answer depends on the arguments alone: no I/O, no clock, standard library only. A Catalog never
// changes, and nothing that it returns shares memory with it.
package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"sync"
)

//go:embed data
var files embed.FS

// Catalog holds the policies and types.
type Catalog struct {
	policies      map[string]*policy     // by SID
	endUserTypes  map[string]*objectType // by machine name
	documentTypes map[string]*objectType // by machine name
	bundleTypes   map[string]*bundleType // by machine name
}

// Default returns the catalog of the embedded files, which are read once.
func Default() *Catalog { return embedded() }

var embedded = sync.OnceValue(func() *Catalog {
	data, err := fs.Sub(files, "data")
	if err != nil {
		panic(err)
	}
	c, err := load(data)
	if err != nil {
		panic(err) // TestLoad sees to it that this does not happen
	}
	return c
})

// Policy is a policy as the API lists it.
type Policy struct {
	SID          string // "RN" and 32 hex digits
	FriendlyName string
	Requirements json.RawMessage // an object of four arrays
}

// Type is an end user type or a supporting document type as the API lists it.
type Type struct {
	SID          string // "OY" and 32 hex digits
	MachineName  string
	FriendlyName string
	Fields       []Field
}

// Field is a field of a type. Its JSON is that of the API.
type Field struct {
	MachineName  string `json:"machine_name"`
	FriendlyName string `json:"friendly_name"`
	Constraint   string `json:"constraint"` // "String" or "List"
}

// Policies returns all policies in the order of their SIDs.
func (c *Catalog) Policies() []Policy {
	var all []Policy
	for _, sid := range slices.Sorted(maps.Keys(c.policies)) {
		all = append(all, c.policies[sid].public())
	}
	return all
}

// Policy returns the policy with this SID, false if it is unknown.
func (c *Catalog) Policy(sid string) (Policy, bool) {
	p, ok := c.policies[sid]
	if !ok {
		return Policy{}, false
	}
	return p.public(), true
}

// EndUserTypes returns all end user types in the order of their SIDs.
func (c *Catalog) EndUserTypes() []Type { return bySID(c.endUserTypes) }

// EndUserType returns the end user type with this machine name or SID, false if it is unknown.
func (c *Catalog) EndUserType(nameOrSID string) (Type, bool) { return find(c.endUserTypes, nameOrSID) }

// SupportingDocumentTypes returns all supporting document types in the order of their SIDs.
func (c *Catalog) SupportingDocumentTypes() []Type { return bySID(c.documentTypes) }

// SupportingDocumentType returns the supporting document type with this machine name or SID, false if it is unknown.
func (c *Catalog) SupportingDocumentType(nameOrSID string) (Type, bool) {
	return find(c.documentTypes, nameOrSID)
}

// BundleType returns the machine name by which policies refer to bundles of this policy, empty if none does.
func (c *Catalog) BundleType(policySID string) string {
	for name, t := range c.bundleTypes {
		if slices.Contains(t.PolicySIDs, policySID) { // of one type at most: load checks it
			return name
		}
	}
	return ""
}

// NeedsProfile reports whether the policy requires a Customer Profile. A policy that is unknown requires nothing.
func (c *Catalog) NeedsProfile(policySID string) bool {
	p, ok := c.policies[policySID]
	return ok && slices.ContainsFunc(p.requirements, func(r requirement) bool { return r.kind == CustomerProfile && !r.optional })
}

func bySID(types map[string]*objectType) []Type {
	var all []Type
	for _, t := range types {
		all = append(all, t.public())
	}
	slices.SortFunc(all, func(a, b Type) int { return cmp.Compare(a.SID, b.SID) })
	return all
}

func find(types map[string]*objectType, nameOrSID string) (Type, bool) {
	if t, ok := types[nameOrSID]; ok {
		return t.public(), true
	}
	for _, t := range types {
		if t.sid == nameOrSID {
			return t.public(), true
		}
	}
	return Type{}, false
}

func (p *policy) public() Policy {
	return Policy{SID: p.SID, FriendlyName: p.FriendlyName, Requirements: bytes.Clone(p.Requirements)}
}

func (t *objectType) public() Type {
	fields := make([]Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = f.Field
	}
	return Type{SID: t.sid, MachineName: t.MachineName, FriendlyName: t.FriendlyName, Fields: fields}
}
