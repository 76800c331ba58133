package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// policy is a file below data/policies.
type policy struct {
	SID          string            `json:"sid"`
	FriendlyName string            `json:"friendly_name"`
	Marks        map[string]string `json:"marks"`
	Requirements json.RawMessage   `json:"requirements"` // as the API returns it
	// Optional is what the policy lists without requiring it.
	Optional struct {
		Requirements []string            `json:"requirements"` // their requirement_name
		Fields       map[string][]string `json:"fields"`       // by requirement_name
	} `json:"optional"`

	requirements []requirement // what Evaluate and Explain read
}

// published is the requirements of a policy as the API returns them.
type published struct {
	EndUsers  []publishedObject `json:"end_user"`
	Documents [][]struct {
		Accepted        []publishedObject `json:"accepted_documents"`
		Description     string            `json:"description"`
		Name            string            `json:"name"`
		RequirementName string            `json:"requirement_name"`
		Type            string            `json:"type"`
	} `json:"supporting_document"`
	Profiles []publishedObject `json:"supporting_customer_profiles"`
	Products []publishedObject `json:"supporting_trust_products"`
}

// publishedObject is an end user, an accepted document or, without URL and Fields, a bundle.
type publishedObject struct {
	URL             string   `json:"url"`
	Fields          []string `json:"fields"`
	Type            string   `json:"type"`
	Name            string   `json:"name"`
	RequirementName string   `json:"requirement_name"`
}

// objectType is a file below data/end_user_types or data/supporting_document_types.
type objectType struct {
	MachineName  string            `json:"machine_name"`
	FriendlyName string            `json:"friendly_name"`
	Marks        map[string]string `json:"marks"`
	Fields       []*field          `json:"fields"`

	sid string
}

// bundleType is a file below data/bundle_types: bundles that other bundles stand on.
type bundleType struct {
	MachineName    string            `json:"machine_name"`
	FriendlyName   string            `json:"friendly_name"`
	Marks          map[string]string `json:"marks"`
	Kind           trust.Kind        `json:"kind"`
	PolicySIDs     []string          `json:"policy_sids"`     // a bundle of one of these has the type
	EvaluatedField string            `json:"evaluated_field"` // object_field in a result
	EvaluationName string            `json:"evaluation_name"` // its friendly name
	Statuses       []trust.Status    `json:"statuses"`        // a bundle in one of these is enough
}

// load reads and checks all files.
func load(data fs.FS) (*Catalog, error) {
	var c Catalog
	var errs [4]error
	c.endUserTypes, errs[0] = readAll(data, "end_user_types", func(t *objectType) string { return t.MachineName })
	c.documentTypes, errs[1] = readAll(data, "supporting_document_types", func(t *objectType) string { return t.MachineName })
	c.bundleTypes, errs[2] = readAll(data, "bundle_types", func(t *bundleType) string { return t.MachineName })
	c.policies, errs[3] = readAll(data, "policies", func(p *policy) string { return p.SID })
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, t := range c.endUserTypes {
		t.prepare(endUsersPath, trust.CodeEndUserField)
	}
	for _, t := range c.documentTypes {
		t.prepare(documentsPath, trust.CodeDocumentField)
	}
	return &c, errors.Join(c.prepareTypes(), c.preparePolicies(), c.checkBundleTypes())
}

// The paths of the API at which types are found. A policy's url is such a path and a machine name.
const (
	endUsersPath  = "/EndUserTypes/"
	documentsPath = "/SupportingDocumentTypes/"
)

// prepare sets what follows from the rest. The real SIDs are not known. These follow from the machine name, so that they are
// the same on every server: the prefix and the first half of the SHA-256 of the path below /v1, such as
// /EndUserTypes/cnam_information.
func (t *objectType) prepare(path string, code int) {
	hash := sha256.Sum256([]byte(path + t.MachineName))
	t.sid = trust.TypePrefix + hex.EncodeToString(hash[:16])
	for _, f := range t.Fields {
		if f.EvaluationName == "" {
			f.EvaluationName = f.FriendlyName
		}
		if f.ErrorCode == 0 {
			f.ErrorCode = code
		}
	}
}

// readAll reads the files of one folder into a map by their keys.
func readAll[T any](data fs.FS, folder string, key func(*T) string) (map[string]*T, error) {
	names, err := fs.Glob(data, folder+"/*.json")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*T, len(names))
	for _, name := range names {
		content, err := fs.ReadFile(data, name)
		if err != nil {
			return nil, err
		}
		one := new(T)
		if err := decode(content, one); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if key(one) == "" || all[key(one)] != nil {
			return nil, fmt.Errorf("%s: %q is empty or not unique", name, key(one))
		}
		all[key(one)] = one
	}
	return all, nil
}

// decode refuses members that nothing reads, which are misspelled.
func decode(content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (c *Catalog) prepareTypes() error {
	var errs []error
	for _, types := range []map[string]*objectType{c.endUserTypes, c.documentTypes} {
		for name, t := range types {
			if t.FriendlyName == "" || len(t.Marks) == 0 || len(t.Fields) == 0 {
				errs = append(errs, fmt.Errorf("type %s: a part is missing", name))
			}
			for i, f := range t.Fields {
				if t.field(f.MachineName) != t.Fields[i] {
					errs = append(errs, fmt.Errorf("type %s: field %s is there twice", name, f.MachineName))
				}
				if err := f.prepare(); err != nil {
					errs = append(errs, fmt.Errorf("type %s: field %s: %w", name, f.MachineName, err))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func (t *objectType) field(machineName string) *field {
	for _, f := range t.Fields {
		if f.MachineName == machineName {
			return f
		}
	}
	return nil
}

var policySID = regexp.MustCompile(`^` + trust.PolicyPrefix + `[0-9a-f]{32}$`)

func (c *Catalog) preparePolicies() error {
	var errs []error
	for sid, p := range c.policies {
		if !policySID.MatchString(sid) || p.FriendlyName == "" || len(p.Marks) == 0 {
			errs = append(errs, fmt.Errorf("policy %s: the SID is malformed or a part is missing", sid))
		}
		if err := c.prepare(p); err != nil {
			errs = append(errs, fmt.Errorf("policy %s: %w", sid, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Catalog) checkBundleTypes() error {
	var errs []error
	seen := map[string]string{}
	for name, t := range c.bundleTypes {
		knownKind := t.Kind == trust.CustomerProfile || t.Kind == trust.TrustProduct
		if t.FriendlyName == "" || t.EvaluatedField == "" || t.EvaluationName == "" || !knownKind ||
			len(t.Statuses) == 0 || len(t.Marks) == 0 {
			errs = append(errs, fmt.Errorf("bundle type %s: a part is missing", name))
		}
		for _, sid := range t.PolicySIDs {
			if c.policies[sid] == nil || seen[sid] != "" {
				errs = append(errs, fmt.Errorf("bundle type %s: policy %s is unknown or has another type", name, sid))
			}
			seen[sid] = name
		}
	}
	return errors.Join(errs...)
}
