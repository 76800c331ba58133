package catalog_test

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// testdata/published.json says where it is from.
func TestPublishedExamples(t *testing.T) {
	content, err := os.ReadFile("testdata/published.json")
	if err != nil {
		t.Fatal(err)
	}
	var published struct {
		Evaluations map[string]json.RawMessage `json:"evaluations"`
		Policies    map[string]json.RawMessage `json:"policies"`
	}
	if err := json.Unmarshal(content, &published); err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]string{"starter": starter, "sole_proprietor": soleProprietor} {
		_, results := catalog.Default().Evaluate(policy, assignAll(t, policy, ""))
		got, err := json.Marshal(results)
		if err != nil {
			t.Fatal(err)
		}
		if !sameJSON(t, got, published.Evaluations[name]) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, published.Evaluations[name])
		}
	}
	if len(published.Policies) != 3 {
		t.Errorf("%d policies", len(published.Policies))
	}
	for sid, want := range published.Policies {
		got, ok := catalog.Default().Policy(sid)
		if !ok || !sameJSON(t, got.Requirements, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", sid, got.Requirements, want)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var left, right any
	if err := json.Unmarshal(a, &left); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &right); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(left, right)
}
