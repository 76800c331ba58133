package console

import (
	"errors"
	"net/http"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// bundlePage shows one bundle: what happened to it, what it still needs, and what is assigned to it. A reviewer decides about it
// here.
func (c *Console) bundlePage() page {
	return page{
		path: "bundles/{sid}", template: "bundle.html", follows: followsDatabase, show: c.showBundle,
		actions: map[string]func(*http.Request) (string, error){
			"review": c.startReview, "approve": c.approve, "reject": c.reject,
			"replay": c.replayDelivery, "drop": c.dropDelivery,
		},
		notes: map[string]string{
			"review":   "The bundle is in review.",
			"approved": "The bundle is approved.",
			"rejected": "The bundle is rejected.",
			"replayed": "The delivery is queued again.",
			"dropped":  "The delivery is dropped.",
		},
	}
}

type bundleData struct {
	Bundle     trust.Bundle // of a deleted bundle: what its history tells
	Deleted    bool
	PolicyName string                  // empty if the program does not know the policy
	Reasons    []trust.RejectionReason // of a rejection
	Pending    bool                    // whether it can be taken into review
	Undecided  bool                    // whether it waits for a reviewer
	Known      []trust.RejectionReason // codes to reject with; empty unless Undecided
	Fetch      string                  // a command
	Checklist  checklist
	Assigned   assignedData
	Timeline   timeline
}

func (c *Console) showBundle(r *http.Request) (view, error) {
	sid := r.PathValue("sid")
	if !bundleSID.MatchString(sid) {
		return view{}, errNotFound
	}
	b, assigned, err := c.Store.AssignedTo(r.Context(), nil, sid)
	if errors.Is(err, store.ErrNotFound) {
		return c.showDeletedBundle(r, sid)
	}
	if err != nil {
		return view{}, err
	}
	data := bundleData{
		Bundle: b, PolicyName: policyName(b.PolicySID), Reasons: reasonsOf(b.Errors),
		Pending: b.Status == trust.PendingReview, Undecided: b.Status == trust.PendingReview || b.Status == trust.InReview,
		Fetch: c.fetchCommand(r, b), Checklist: newChecklist(b.PolicySID, assigned),
	}
	if data.Undecided {
		data.Known = trust.Rejections()
	}
	if data.Assigned, err = c.readAssigned(r.Context(), sid, assigned); err != nil {
		return view{}, err
	}
	data.Timeline, err = c.readTimeline(r, b, false)
	return view{title: b.FriendlyName, data: data}, err
}

// showDeletedBundle shows what is still known of a bundle that was deleted.
func (c *Console) showDeletedBundle(r *http.Request, sid string) (view, error) {
	last, err := c.Store.History(r.Context(), sid, store.HistoryPage{Newest: true, Limit: 1})
	if err != nil {
		return view{}, err
	}
	b := trust.Bundle{SID: sid, Kind: last[0].BundleKind, AccountSID: last[0].AccountSID}
	b.FriendlyName = "Deleted " + b.Kind.Name()
	data := bundleData{Bundle: b, Deleted: true}
	data.Timeline, err = c.readTimeline(r, b, true)
	return view{title: b.FriendlyName, data: data}, err
}

// fetchCommand returns a command that fetches a bundle. Whoever runs it has the token.
func (c *Console) fetchCommand(r *http.Request, b trust.Bundle) string {
	collection := "TrustProducts"
	if b.Kind == trust.CustomerProfile {
		collection = "CustomerProfiles"
	}
	return `curl -u "` + b.AccountSID + `:$TWILIO_AUTH_TOKEN" ` + c.apiURL(r) + "/v1/" + collection + "/" + b.SID
}
