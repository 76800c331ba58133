package console

import (
	"net/http"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// bundlePage shows one bundle, and has a reviewer decide about it.
func (c *Console) bundlePage() page {
	return page{
		path: "bundles/{sid}", template: "bundle.html", follows: followsDatabase, show: c.showBundle,
		actions: map[string]func(*http.Request) (string, error){"approve": c.approve},
		notes:   map[string]string{"approved": "The bundle is approved."},
	}
}

type bundleData struct {
	Bundle     trust.Bundle
	PolicyName string // empty if the program does not know the policy
	Undecided  bool   // whether it waits for a reviewer
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
	return view{title: b.FriendlyName, data: bundleData{
		Bundle: b, PolicyName: policyName(b.PolicySID),
		Undecided: b.Status == trust.PendingReview || b.Status == trust.InReview,
	}}, nil
}

func (c *Console) approve(r *http.Request) (location string, err error) {
	sid := r.PathValue("sid")
	if !bundleSID.MatchString(sid) {
		return "", errNotFound
	}
	_, err = c.Operator.Decide(r.Context(), sid, c.Policy, trust.Change{Status: new(trust.TwilioApproved)})
	return done("bundles/"+sid, "approved"), err
}
