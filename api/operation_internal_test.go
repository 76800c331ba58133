package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opentrusthub/trusthub"
)

// TestValidationKeepsTheContract compares what requests are validated by, which is generated without all that says nothing about
// requests, with the whole of each contract.
func TestValidationKeepsTheContract(t *testing.T) {
	t.Parallel()
	t.Run("customers", func(t *testing.T) { compareRules(t, trusthub.Contract(), loadOperations) })
	t.Run("operators", func(t *testing.T) { compareRules(t, trusthub.OperatorContract(), loadOperatorOperations) })
}

func compareRules(t *testing.T, contract string, load func() ([]*operation, error)) {
	t.Helper()
	whole := document(t, contract)
	all, err := readOperations(whole)
	if err != nil {
		t.Fatal(err)
	}
	generated, err := load()
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]any{}, map[string]any{}
	for _, op := range generated {
		got[op.id] = rules(op)
		maps.Copy(got, schemas(op.route.Spec))
	}
	for _, op := range all {
		want[op.id] = rules(op)
	}
	for name, schema := range schemas(whole) {
		if _, needed := got[name]; needed { // each $ref refers to one, or the generated contract could not have been loaded
			want[name] = schema
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rules, want %d", len(got), len(want))
	}
	for name := range want {
		if g, w := asJSON(t, got[name]), asJSON(t, want[name]); !reflect.DeepEqual(g, w) {
			t.Errorf("%s:\n%v\nwant\n%v", name, g, w)
		}
	}
}

// rules returns all by which an operation validates a request, apart from the schemas that it refers to.
func rules(op *operation) any {
	parameters := map[string]*openapi3.Parameter{}
	for _, p := range op.params {
		parameters[p.In+" "+p.Name] = p
	}
	body := op.route.Operation.RequestBody
	return map[string]any{
		"method": op.route.Method, "path": op.route.Path, "methods": op.methods, "authenticated": op.authenticated,
		"parameters": parameters, "contentType": op.contentType, "body": op.body, "objects": op.objects, "needsBody": body != nil && body.Value.Required,
	}
}

func schemas(doc *openapi3.T) map[string]any {
	all := map[string]any{}
	for name, schema := range doc.Components.Schemas {
		all["schema "+name] = schema
	}
	return all
}

// asJSON returns a value as JSON has it, without texts.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return withoutTexts(plain)
}

// withoutTexts removes descriptions and examples. A property that has the name of one of them stays: its value is a schema.
func withoutTexts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			_, isSchema := value.(map[string]any)
			if !isSchema && slices.Contains([]string{"description", "summary", "example", "examples"}, key) {
				delete(v, key)
				continue
			}
			v[key] = withoutTexts(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutTexts(v[i])
		}
	}
	return v
}
