package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// verbs is a set of operations of a resource.
type verbs uint8

const (
	createVerb verbs = 1 << iota
	fetchVerb
	listVerb
	updateVerb
	deleteVerb
)

// operation is one of a resource's operations, from the contract.
type operation struct {
	method string
	path   string // with parameters: /v1/TrustProducts/{Sid}
	params openapi3.Parameters
	form   *openapi3.Schema // nil without one
	*openapi3.Operation
}

// description is a resource with its part of the contract.
type description struct {
	*resource
	operations map[verbs]*operation
	sidPattern *regexp.Regexp // nil if any text is allowed
	unknownSID string         // a valid SID that does not exist
	array      string         // the name of a page's items
	properties openapi3.Schemas
}

// describe finds a resource in the contract.
func describe(doc *openapi3.T, r *resource) (*description, error) {
	d := &description{resource: r, operations: map[verbs]*operation{}, unknownSID: strings.Repeat("f", 34)}
	ids := r.ids()
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if verb, ok := ids[op.OperationID]; ok {
				d.operations[verb] = newOperation(method, path, slices.Concat(item.Parameters, op.Parameters), op)
			}
		}
	}
	if !d.has(fetchVerb | listVerb) {
		return nil, fmt.Errorf("conformance: the contract has no operations Fetch%s and List%[1]s", r.name)
	}
	if d.has(createVerb) != (r.values != nil) {
		return nil, fmt.Errorf("conformance: resource %s needs values if and only if it can be created", r.name)
	}
	fetch := d.operations[fetchVerb]
	d.properties = fetch.answer("200").Properties
	for name, property := range d.operations[listVerb].answer("200").Properties {
		if property.Value.Type.Is(openapi3.TypeArray) {
			d.array = name
		}
	}
	name := fetch.path[strings.LastIndex(fetch.path, "{")+1 : len(fetch.path)-1]
	if sid := fetch.params.GetByInAndName(openapi3.ParameterInPath, name); sid != nil && sid.Schema.Value.Pattern != "" {
		d.sidPattern = regexp.MustCompile(sid.Schema.Value.Pattern)
		prefix, _ := regexp.MustCompile(strings.TrimPrefix(sid.Schema.Value.Pattern, "^")).LiteralPrefix()
		d.unknownSID = prefix + strings.Repeat("f", 34-len(prefix))
	}
	return d, d.checkFilters()
}

func newOperation(method, path string, params openapi3.Parameters, op *openapi3.Operation) *operation {
	o := &operation{method: method, path: path, params: params, Operation: op}
	if op.RequestBody != nil {
		if media := op.RequestBody.Value.Content.Get(formType); media != nil {
			o.form = media.Schema.Value
		}
	}
	return o
}

// answer returns the schema of a response.
func (o *operation) answer(status string) *openapi3.Schema {
	return o.Responses.Value(status).Value.Content.Get("application/json").Schema.Value
}

// has reports whether the resource has all of these operations.
func (d *description) has(v verbs) bool {
	for verb := createVerb; verb <= deleteVerb; verb <<= 1 {
		if v&verb != 0 && d.operations[verb] == nil {
			return false
		}
	}
	return true
}

// ids returns the operations' ids in the contract.
func (r *resource) ids() map[string]verbs {
	return map[string]verbs{
		"Create" + r.name: createVerb, "Fetch" + r.name: fetchVerb, "List" + r.name: listVerb,
		"Update" + r.name: updateVerb, "Delete" + r.name: deleteVerb,
	}
}

// unimplemented returns which of the operations the target does not implement, empty if it implements all.
func (d *description) unimplemented(v verbs, t Target) string {
	var missing []string
	for id, verb := range d.ids() {
		if v&verb != 0 && (slices.Contains(t.Unimplemented, id) || slices.Contains(t.Unimplemented, d.name)) {
			missing = append(missing, id+", which is not implemented (Target.Unimplemented)")
		}
	}
	return strings.Join(slices.Sorted(slices.Values(missing)), ", ")
}

// filterSchemas returns the filters of the list.
func (d *description) filterSchemas() openapi3.Schemas {
	filters := openapi3.Schemas{}
	for _, p := range d.operations[listVerb].params {
		if p.Value.In == openapi3.ParameterInQuery && !slices.Contains([]string{"PageSize", "Page", "PageToken"}, p.Value.Name) {
			filters[p.Value.Name] = p.Value.Schema
		}
	}
	return filters
}

// checkFilters returns an error for a filter for which the suite has no values.
func (d *description) checkFilters() error {
	if !d.has(createVerb) {
		return nil
	}
	for name := range d.filterSchemas() {
		_, given := d.filters[name]
		if d.properties[property(name)] == nil && !given {
			return fmt.Errorf("conformance: resource %s needs values for the filter %s", d.name, name)
		}
	}
	return nil
}

var capital = regexp.MustCompile(`[A-Z]+[a-z0-9]*`)

// property returns the name of a parameter's property in responses: policy_sid for PolicySid.
func property(parameter string) string {
	words := capital.FindAllString(parameter, -1)
	return strings.ToLower(strings.Join(words, "_"))
}

// invalid returns values that a schema excludes, with the reason.
func invalid(schema *openapi3.Schema) map[string]string {
	values := map[string]string{}
	if schema.MinLength > 0 || len(schema.Enum) > 0 || schema.Type.Is(openapi3.TypeInteger) {
		values["empty"] = ""
	}
	if schema.MaxLength != nil {
		values["too long"] = strings.Repeat("a", int(*schema.MaxLength)+1) //nolint:gosec // G115: a few thousand
	}
	if len(schema.Enum) > 0 {
		values["not in the enumeration"] = "nonsense"
	}
	if schema.Pattern != "" {
		pattern := regexp.MustCompile(schema.Pattern)
		for _, value := range []string{"RN123", "a@b.example\r\nBcc: c@d.example", "a@b.example\n"} {
			if !pattern.MatchString(value) {
				values[fmt.Sprintf("%q, off the pattern", value)] = value
			}
		}
	}
	if schema.Format == "uri" {
		values["without a host"], values["of another scheme"] = "/status", "ftp://a.example/"
	}
	if schema.Type.Is(openapi3.TypeObject) { // written as JSON
		values["not JSON"], values["not an object"] = "{", "[1]"
		if limit, ok := schema.Extensions["x-max-bytes"].(float64); ok {
			values["too large"] = `{"a":"` + strings.Repeat("a", int(limit)) + `"}`
		}
	}
	if schema.Type.Is(openapi3.TypeInteger) {
		values["not a number"] = "x"
		if schema.Min != nil {
			values["too small"] = fmt.Sprint(int64(*schema.Min) - 1)
		}
		if schema.Max != nil {
			values["too large"] = fmt.Sprint(int64(*schema.Max) + 1)
		}
	}
	return values
}
