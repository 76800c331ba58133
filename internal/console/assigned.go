package console

import (
	"context"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// maxListBytes bounds the text that is read for a list on a page.
const maxListBytes = 1 << 20

// assignedData is what is assigned to a bundle: at most store.MaxAssigned objects, and the newest phone numbers.
type assignedData struct {
	Objects   []assignedObject
	Endpoints []trust.ChannelEndpoint
	More      bool // whether there are more endpoints
}

// assignedObject is an end user, a document, or a bundle, which has a status.
type assignedObject struct {
	SID, Name string
	Kind      string
	Type      string // of a bundle: its policy
	Status    trust.Status
}

func (c *Console) readAssigned(ctx context.Context, bundleSID string, assigned trust.Assigned) (assignedData, error) {
	var data assignedData
	for _, u := range assigned.EndUsers {
		data.Objects = append(data.Objects, assignedObject{u.SID, u.FriendlyName, string(catalog.EndUser), u.Type, ""})
	}
	for _, d := range assigned.Documents {
		data.Objects = append(data.Objects, assignedObject{d.SID, d.FriendlyName, string(catalog.SupportingDocument), d.Type, ""})
	}
	for _, b := range assigned.Bundles {
		policy := policyName(b.PolicySID)
		data.Objects = append(data.Objects, assignedObject{b.SID, b.FriendlyName, b.Kind.Name(), policy, b.Status})
	}
	part, err := c.Store.ChannelEndpoints.List(ctx, store.Query{
		Of: store.Scope{bundleSID}, Range: store.Range{Limit: rowsPerPage, Bytes: maxListBytes},
	})
	data.Endpoints, data.More = part.Rows, part.Beyond != ""
	return data, err
}
