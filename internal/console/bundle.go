package console

import (
	"net/http"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// bundlePage shows one bundle.
func (c *Console) bundlePage() page {
	return page{path: "bundles/{sid}", template: "bundle.html", follows: followsDatabase, show: c.showBundle}
}

type bundleData struct {
	Bundle     trust.Bundle
	PolicyName string // empty if the program does not know the policy
}

func (c *Console) showBundle(r *http.Request) (view, error) {
	sid := r.PathValue("sid")
	if !bundleSID.MatchString(sid) {
		return view{}, errNotFound
	}
	b, err := c.Store.Bundle(r.Context(), sid)
	if err != nil {
		return view{}, err
	}
	return view{title: b.FriendlyName, data: bundleData{b, policyName(b.PolicySID)}}, nil
}
