package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opentrusthub/trusthub/api/client"
)

// operation is an operation of the contract.
type operation struct {
	Name    string `json:"operation"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Summary string `json:"summary"`

	description string
	parameters  []parameter
	hasForm     bool
}

// parameter is a parameter of an operation. The names of an operation's parameters are unique (TestAPIEveryOperation).
type parameter struct {
	name, in    string // in the path, the query, a header or the form
	required    bool
	description string
	schema      *openapi3.Schema
}

const (
	inForm   = "form"
	formType = "application/x-www-form-urlencoded"
	keyName  = "Idempotency-Key"
)

// readOperations returns the operations of an OpenAPI document, in order of path and method.
func readOperations(contract string) ([]operation, error) {
	document, err := openapi3.NewLoader().LoadFromData([]byte(contract))
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	var all []operation
	for path, item := range document.Paths.Map() {
		for method, described := range item.Operations() {
			all = append(all, newOperation(method, path, item.Parameters, described))
		}
	}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return all, nil
}

func newOperation(method, path string, shared openapi3.Parameters, described *openapi3.Operation) operation {
	o := operation{
		Name: described.OperationID, Method: method, Path: path,
		Summary: described.Summary, description: described.Description,
	}
	for _, ref := range slices.Concat(shared, described.Parameters) {
		p := ref.Value
		o.parameters = append(o.parameters, parameter{p.Name, p.In, p.Required, p.Description, p.Schema.Value})
	}
	if described.RequestBody == nil {
		return o
	}
	media := described.RequestBody.Value.Content.Get(formType)
	if media == nil {
		return o
	}
	o.hasForm = true
	form := media.Schema.Value
	for name, field := range form.Properties {
		required := slices.Contains(form.Required, name)
		o.parameters = append(o.parameters, parameter{name, inForm, required, field.Value.Description, field.Value})
	}
	slices.SortStableFunc(o.parameters, compareParameters)
	return o
}

// compareParameters sorts by importance: path, required, optional, headers.
func compareParameters(a, b parameter) int {
	rank := func(p parameter) int {
		switch {
		case p.in == openapi3.ParameterInPath:
			return 0
		case p.required:
			return 1
		case p.in == openapi3.ParameterInHeader:
			return 3
		}
		return 2
	}
	return cmp.Or(rank(a)-rank(b), strings.Compare(a.name, b.name))
}

// findOperation returns the operation of that name. Its error suggests a similar one.
func findOperation(all []operation, name string) (operation, error) {
	names := make([]string, len(all))
	for i, o := range all {
		if o.Name == name {
			return o, nil
		}
		names[i] = o.Name
	}
	if similar := closest(name, names); similar != "" {
		return operation{}, fmt.Errorf("unknown operation: did you mean %s?", similar)
	}
	return operation{}, errors.New("unknown operation: 'trusthub api --list' lists all")
}

func (o operation) find(name string) (parameter, bool) {
	i := slices.IndexFunc(o.parameters, func(p parameter) bool { return p.name == name })
	if i < 0 {
		return parameter{}, false
	}
	return o.parameters[i], true
}

// names returns the names of the operation's parameters, for an error.
func (o operation) names() []string {
	names := make([]string, len(o.parameters))
	for i, p := range o.parameters {
		names[i] = p.name
	}
	return names
}

// isList reports whether the operation returns a page of a list.
func (o operation) isList() bool {
	_, paged := o.find("PageToken")
	return paged
}

// request returns a request for client.Do. It checks names only: values are for the server to validate.
func (o operation) request(ctx context.Context, values map[string]string) (*http.Request, error) {
	path, query, form, header := o.Path, url.Values{}, url.Values{}, http.Header{}
	for _, p := range o.parameters {
		value, given := values[p.name]
		switch {
		case !given && p.required:
			return nil, fmt.Errorf("%s: missing parameter %s; it has %s", o.Name, p.name, strings.Join(o.names(), ", "))
		case !given && p.name == keyName:
			header.Set(keyName, client.NewIdempotencyKey())
		case !given:
		case p.in == openapi3.ParameterInPath:
			if value == "" || strings.Contains(value, ".") || url.PathEscape(value) != value {
				return nil, fmt.Errorf("%s: invalid %s: it cannot be part of a path", o.Name, p.name)
			}
			path = strings.ReplaceAll(path, "{"+p.name+"}", value)
		case p.in == openapi3.ParameterInQuery:
			query.Set(p.name, value)
		case p.in == openapi3.ParameterInHeader:
			header.Set(p.name, value)
		case p.in == inForm:
			form.Set(p.name, value)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, o.Method, path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	request.Header = header
	if o.hasForm {
		header.Set("Content-Type", formType)
	}
	return request, nil
}

// closest returns the name that is most like word, or "" if none is like it.
func closest(word string, names []string) string {
	best, least := "", len(word)/3+1 // edits; a third of the word is the most
	for _, name := range names {
		if strings.EqualFold(word, name) {
			return name
		}
		if edits := distance(strings.ToLower(word), strings.ToLower(name)); edits < least {
			best, least = name, edits
		}
	}
	return best
}

// distance returns the Levenshtein distance of a and b: how many bytes are to be inserted, removed or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
