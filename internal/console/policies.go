package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// policiesPage lists the policies that the program knows, with what each requires.
func (c *Console) policiesPage() page {
	return page{path: "policies", nav: "Policies", template: "policies.html", show: showPolicies}
}

func showPolicies(*http.Request) (view, error) {
	var all []catalog.Explanation
	for _, p := range catalog.Default().Policies() {
		if e, ok := catalog.Default().Explain(p.SID); ok {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b catalog.Explanation) int { return strings.Compare(a.FriendlyName, b.FriendlyName) })
	return view{title: "Policies", data: all}, nil
}

// policyPage explains one policy.
func (c *Console) policyPage() page {
	return page{path: "policies/{sid}", template: "policy.html", show: showPolicy}
}

type policyData struct {
	SID, Name    string
	Requirements []requirement
}

type requirement struct {
	catalog.Requirement

	Alternatives []alternative
}

// alternative is an object that fulfills a requirement, as a page shows it.
type alternative struct {
	catalog.Alternative

	Sentence string       // what it is
	Bundle   bool         // whether it is a bundle, which has a policy
	Policies []policyLink // one of which a bundle must have
}

type policyLink struct{ SID, Name string }

func showPolicy(r *http.Request) (view, error) {
	e, ok := catalog.Default().Explain(r.PathValue("sid"))
	if !ok {
		return view{}, errNotFound
	}
	data := policyData{SID: e.SID, Name: e.FriendlyName}
	for _, from := range e.Requirements {
		to := requirement{Requirement: from}
		for _, a := range from.Alternatives {
			to.Alternatives = append(to.Alternatives, alternativeOf(from.Kind, a))
		}
		data.Requirements = append(data.Requirements, to)
	}
	return view{title: e.FriendlyName, data: data}, nil
}

func alternativeOf(kind catalog.Kind, a catalog.Alternative) alternative {
	sentence := a.Describe(kind)
	shown := alternative{
		Alternative: a, Sentence: strings.ToUpper(sentence[:1]) + sentence[1:],
		Bundle: kind == catalog.CustomerProfile || kind == catalog.TrustProduct,
	}
	for _, sid := range a.PolicySIDs {
		shown.Policies = append(shown.Policies, policyLink{sid, policyName(sid)})
	}
	return shown
}
