package console_test

import (
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestPolicies: the list has each policy, and each has a page that names all that it requires.
func TestPolicies(t *testing.T) {
	s := loggedIn(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	list := s.send(t, "GET", "/console/policies", "").Body.String()
	for _, p := range catalog.Default().Policies() {
		path := "/console/policies/" + p.SID
		if !strings.Contains(list, `href="`+path+`"`) {
			t.Errorf("the list does not have %s", p.FriendlyName)
		}
		text := s.send(t, "GET", path, "").Body.String()
		wantHTML(t, path, text)
		e, _ := catalog.Default().Explain(p.SID)
		for _, r := range e.Requirements {
			for _, a := range r.Alternatives {
				sentence := a.Describe(r.Kind)
				if !strings.Contains(text, sentence[1:]) {
					t.Errorf("%s does not say %q", path, sentence)
				}
				for _, f := range a.Fields {
					if !strings.Contains(text, "<code>"+f.Name+"</code>") {
						t.Errorf("%s does not have the field %s", path, f.Name)
					}
				}
			}
		}
	}
}
