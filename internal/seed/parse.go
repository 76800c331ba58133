package seed

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// kind is a kind of objects that a file can have.
type kind struct {
	section   string   // of the file
	name      string   // in messages
	hashed    string   // the part of an object's SID that is not its key
	prefix    string   // of an object's SID
	operation string   // that creates an object by the API
	fields    []string // its parameters
	bundle    trust.Kind
	endpoint  string // of a bundle: the operation that assigns a phone number
}

const attributes = "attributes"

func kinds() []kind {
	objectFields := []string{"type", "friendly_name", attributes}
	bundleFields := []string{"policy_sid", "friendly_name", "email", "status_callback"}
	return []kind{{
		section: "end_users", name: "an end user", hashed: "end-user", prefix: trust.EndUserPrefix,
		operation: "CreateEndUser", fields: objectFields,
	}, {
		section: "supporting_documents", name: "a supporting document", hashed: "supporting-document",
		prefix: trust.SupportingDocumentPrefix, operation: "CreateSupportingDocument", fields: objectFields,
	}, {
		section: "customer_profiles", name: "a Customer Profile", hashed: string(trust.CustomerProfile),
		prefix:    trust.BundlePrefix,
		operation: "CreateCustomerProfile", fields: bundleFields,
		bundle: trust.CustomerProfile, endpoint: "CreateCustomerProfileChannelEndpointAssignment",
	}, {
		section: "trust_products", name: "a Trust Product", hashed: string(trust.TrustProduct),
		prefix:    trust.BundlePrefix,
		operation: "CreateTrustProduct", fields: bundleFields,
		bundle: trust.TrustProduct, endpoint: "CreateTrustProductChannelEndpointAssignment",
	}}
}

// File is a file whose objects are valid, each for itself.
type File struct {
	name        string
	accountSID  string // empty unless the file names one
	accountLine int
	objects     []object // in the order of kinds
}

// object is an object of a file.
type object struct {
	kind kind
	key  string
	line int
	sid  string
	form url.Values // the request that would create it

	// Of a bundle:
	status     trust.Status
	codes      []int
	validUntil time.Time // zero unless the file has it
	assign     []word    // keys
	numbers    []word    // SIDs
}

// word is a text and its line.
type word struct {
	text string
	line int
}

// reader reads one file.
type reader struct {
	problems
	file *File
	keys map[string]int // the objects' places in the file, by their keys
	rows int
}

// Parse reads a file. name is only used in errors, which are an *Error.
func Parse(name string, text []byte) (*File, error) {
	r := reader{problems: problems{file: name}, file: &File{name: name}, keys: map[string]int{}}
	if len(text) > MaxBytes {
		r.add(1, "the file must have at most %d bytes", MaxBytes)
		return nil, r.err()
	}
	if root := readYAML(text, &r.problems); root != nil {
		r.readFile(root)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.file, nil
}

func (r *reader) readFile(root *yaml.Node) {
	names := []string{"account_sid"}
	for _, k := range kinds() {
		names = append(names, k.section)
	}
	fields, ok := r.mapping(root, "a seed file", names)
	if !ok {
		return
	}
	if node := fields["account_sid"]; node != nil {
		sid, ok := r.text(node, "account_sid")
		if ok && !trust.ValidAccountSID(sid) {
			r.add(node.Line, "account_sid must be AC and 32 hex digits")
		}
		r.file.accountSID, r.file.accountLine = sid, node.Line
	}
	for _, k := range kinds() {
		for _, node := range r.items(fields[k.section], k.section) {
			if !r.count(1, node.Line) {
				return
			}
			r.readObject(k, node)
		}
	}
	if r.rows <= MaxRows {
		r.resolve()
	}
}

// count counts rows. It reports whether the file still has no more than it may have.
func (r *reader) count(rows, line int) bool {
	before := r.rows
	r.rows += rows
	if before <= MaxRows && r.rows > MaxRows {
		r.add(line, "the file must have at most %d objects, assignments and phone numbers", MaxRows)
	}
	return r.rows <= MaxRows
}

func (r *reader) readObject(k kind, node *yaml.Node) {
	names := append([]string{"key"}, k.fields...)
	if k.bundle != "" {
		names = append(names, "status", "valid_until", "codes", "assign", "phone_numbers")
	}
	fields, ok := r.mapping(node, k.name, names)
	if !ok {
		return
	}
	o := object{kind: k, line: node.Line}
	o.key = r.readKey(fields["key"], node.Line)
	o.sid = sidOf(k.prefix, k.hashed, o.key)
	r.readForm(&o, fields)
	if k.bundle != "" {
		r.readBundle(&o, fields)
	}
	r.file.objects = append(r.file.objects, o)
}

func (r *reader) readKey(node *yaml.Node, line int) string {
	if node == nil {
		r.add(line, "key is missing")
		return ""
	}
	key, ok := r.text(node, "key")
	if !ok {
		return ""
	}
	at, used := r.keys[key]
	switch {
	case !validKey.MatchString(key):
		r.add(node.Line, "key must have 1 to 64 letters, digits, points, hyphens and underscores, a letter or digit first")
	case key == primaryKey:
		r.add(node.Line, "key must not be %s, which refers to the account's Primary Customer Profile", primaryKey)
	case used:
		r.add(node.Line, "key is also that of line %d", r.file.objects[at].line)
	default:
		r.keys[key] = len(r.file.objects)
	}
	return key
}

// readForm sets the request that would create the object, and validates it.
func (r *reader) readForm(o *object, fields map[string]*yaml.Node) {
	o.form = url.Values{}
	unreadable := map[string]bool{}
	for _, field := range o.kind.fields {
		node := fields[field]
		if node == nil {
			continue
		}
		read := r.text
		if field == attributes {
			read = r.object
		}
		text, ok := read(node, field)
		if unreadable[field] = !ok; ok {
			o.form.Set(parameter(field), text)
		}
	}
	for _, problem := range r.check(o.kind.operation, o.form) {
		field, line := fieldOf(o.kind, problem.Parameter), o.line
		if node := fields[field]; node != nil {
			line = node.Line
		}
		if !unreadable[field] {
			r.add(line, "%s %s", field, problem.Problem)
		}
	}
}

// check validates a request by the contract.
func (r *reader) check(operation string, form url.Values) []api.ParameterProblem {
	found, err := api.CheckForm(operation, form)
	if err != nil { // the contract has the operations of kinds: TestKinds
		panic(err)
	}
	return found
}

// parameter returns the name of a field in requests: FriendlyName for friendly_name.
func parameter(field string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(field, "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

// fieldOf returns the field for a parameter.
func fieldOf(k kind, name string) string {
	if i := slices.IndexFunc(k.fields, func(field string) bool { return parameter(field) == name }); i >= 0 {
		return k.fields[i]
	}
	return name
}

// readBundle sets what a bundle has besides the request that would create it.
func (r *reader) readBundle(o *object, fields map[string]*yaml.Node) {
	if (trust.Bundle{Kind: o.kind.bundle, PolicySID: o.form.Get("PolicySid")}).IsPrimary() {
		r.add(fields["policy_sid"].Line,
			"policy_sid must not be that of a Primary Customer Profile; the account has one, with the key %s", primaryKey)
	}
	r.readStatus(o, fields)
	for _, node := range r.items(fields["assign"], "assign") {
		if key, ok := r.text(node, "assign"); ok && r.count(1, node.Line) {
			o.assign = append(o.assign, word{key, node.Line})
		}
	}
	for _, node := range r.items(fields["phone_numbers"], "phone_numbers") {
		sid, ok := r.text(node, "phone_numbers")
		if !ok || !r.count(1, node.Line) {
			continue
		}
		form := url.Values{"ChannelEndpointType": {phoneNumber}, "ChannelEndpointSid": {sid}}
		for _, problem := range r.check(o.kind.endpoint, form) {
			r.add(node.Line, "phone_numbers: each %s", problem.Problem)
		}
		if slices.ContainsFunc(o.numbers, func(w word) bool { return w.text == sid }) {
			r.add(node.Line, "phone_numbers has one twice")
		}
		o.numbers = append(o.numbers, word{sid, node.Line})
	}
}

// phoneNumber is the type of the channel endpoints that a file can have.
const phoneNumber = "phone-number"

func (r *reader) readStatus(o *object, fields map[string]*yaml.Node) {
	o.status = trust.Draft
	if node := fields["status"]; node != nil {
		if text, ok := r.text(node, "status"); ok {
			o.status = trust.Status(text)
			if !slices.Contains(trust.Statuses(), o.status) {
				r.add(node.Line, "status must be one of %s", join(trust.Statuses()))
				return
			}
		}
	}
	codes := r.items(fields["codes"], "codes")
	for _, node := range codes {
		code, err := strconv.Atoi(node.Value)
		if err != nil || !trust.ValidRejectionCode(code) {
			r.add(node.Line, "codes: each must have five digits")
			continue
		}
		o.codes = append(o.codes, code)
	}
	if node := fields["valid_until"]; node != nil {
		until, err := time.Parse(time.RFC3339, node.Value)
		if err != nil || until.Year() < 2000 {
			r.add(node.Line, "valid_until must be a time such as 2030-01-31T00:00:00Z")
		}
		o.validUntil = until.UTC().Truncate(time.Microsecond) // as the database keeps it
	}
	switch rejected, approved := o.status == trust.TwilioRejected, o.status == trust.TwilioApproved; {
	case fields["codes"] != nil && !rejected:
		r.add(fields["codes"].Line, "codes requires status %s", trust.TwilioRejected)
	case fields["valid_until"] != nil && !approved && !rejected:
		r.add(fields["valid_until"].Line, "valid_until requires status %s, or %s for an approval that has expired",
			trust.TwilioApproved, trust.TwilioRejected)
	case rejected && len(codes) == 0 && fields["valid_until"] == nil:
		r.add(o.line, "status %s requires codes, or valid_until for an approval that has expired", trust.TwilioRejected)
	}
}

func join(statuses []trust.Status) string {
	words := make([]string, len(statuses))
	for i, s := range statuses {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// resolve checks that each assigned key is that of an object.
func (r *reader) resolve() {
	for _, o := range r.file.objects {
		seen := map[string]bool{}
		for _, reference := range o.assign {
			_, known := r.keys[reference.text]
			switch {
			case reference.text == o.key:
				r.add(reference.line, "assign: a bundle cannot be assigned to itself")
			case seen[reference.text]:
				r.add(reference.line, "assign has one key twice")
			case !known && reference.text != primaryKey:
				r.add(reference.line, "assign: no object of the file has this key")
			}
			seen[reference.text] = true
		}
	}
}
