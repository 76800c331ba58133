package hub

import (
	"context"
	"net/http"
	"net/url"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListTrustProduct returns a page of the account's products.
func (h *Hub) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	query, filters := store.BundleQuery{AccountSID: api.AccountSID(ctx), Kind: trust.TrustProduct}, url.Values{}
	if r.Params.Status != nil {
		query.Status = trust.Status(*r.Params.Status)
		filters.Set("Status", string(*r.Params.Status))
	}
	if r.Params.FriendlyName != nil {
		query.FriendlyName = *r.Params.FriendlyName
		filters.Set("FriendlyName", *r.Params.FriendlyName)
	}
	if r.Params.PolicySID != nil {
		query.PolicySID = *r.Params.PolicySID
		filters.Set("PolicySid", *r.Params.PolicySID)
	}
	p, err := openPage(ctx, h, list[trust.Bundle]{
		path: "/v1/TrustProducts", array: "results", filters: filters,
		read: func(ctx context.Context, r store.Range) (store.Part[trust.Bundle], error) {
			query.Range = r
			return h.store.ListBundles(ctx, query)
		},
		key:     func(p trust.Bundle) string { return p.SID },
		present: func(ctx context.Context, p trust.Bundle) any { return present(ctx, p) },
	}, pageRequest{r.Params.PageSize, r.Params.Page, r.Params.PageToken})
	if err != nil {
		return nil, err
	}
	return productPage{p}, nil
}

type productPage struct{ *page[trust.Bundle] }

// VisitListTrustProductResponse writes the page.
func (p productPage) VisitListTrustProductResponse(w http.ResponseWriter) error { return p.write(w) }
