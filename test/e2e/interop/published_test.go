package interop

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// published are examples that Twilio publishes; the files in testdata say where they are from.
type published struct {
	Answers     map[string]map[string]any `json:"answers"`     // by operation
	Evaluations map[string][]any          `json:"evaluations"` // results
	Policies    map[string]any            `json:"policies"`    // requirements by policy
}

func readPublished(t *testing.T) published {
	t.Helper()
	var p published
	for _, name := range []string{"testdata/published.json", "../../../internal/trust/catalog/testdata/published.json"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, &p); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// expect compares an answer with the published one of an operation. It must have the same fields. The values that are given must be
// the answer's; in the others, SIDs, dates and the host may differ from the published ones.
func (p published) expect(t *testing.T, operation, server string, answer, given map[string]any) {
	t.Helper()
	example := p.Answers[operation]
	if got, want := slices.Sorted(maps.Keys(answer)), slices.Sorted(maps.Keys(example)); !slices.Equal(got, want) {
		t.Errorf("%s has returned the fields %v, want %v", operation, got, want)
	}
	for field, got := range answer {
		want, exact := given[field]
		if !exact {
			got, want = form(got, server), form(example[field], server)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s is %s, want %s", operation, field, show(got), show(want))
		}
	}
}

const placeholder = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" // the digits of the published SIDs

var (
	sidPattern  = regexp.MustCompile(`\b([A-Z]{2})[0-9a-f]{32}\b`)
	datePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
)

// form replaces in JSON what differs from call to call, as the published examples do.
func form(value any, server string) any {
	switch value := value.(type) {
	case string:
		value = strings.Replace(value, server, "https://trusthub.twilio.com", 1)
		value = sidPattern.ReplaceAllString(value, "${1}"+placeholder)
		return datePattern.ReplaceAllLiteralString(value, "2019-07-30T22:29:24Z")
	case map[string]any:
		replaced := map[string]any{}
		for name, member := range value {
			replaced[name] = form(member, server)
		}
		return replaced
	case []any:
		replaced := make([]any, len(value))
		for i, item := range value {
			replaced[i] = form(item, server)
		}
		return replaced
	default:
		return value
	}
}
