package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateTrustProduct stores a draft.
func (h *Hub) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	b, err := h.createBundle(ctx, trust.TrustProduct, request{"CreateTrustProduct", r.Params.IdempotencyKey, r.Body}, *r.Body)
	return server.CreateTrustProduct201JSONResponse{Body: presentProduct(ctx, b)}, err
}

// FetchTrustProduct returns a product as it is.
func (h *Hub) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	b, err := h.fetchBundle(ctx, trust.TrustProduct, r.SID)
	return server.FetchTrustProduct200JSONResponse{Body: presentProduct(ctx, b)}, err
}

// ListTrustProduct returns a page of the account's products.
func (h *Hub) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListTrustProductRequest("", &r.Params)), "results",
		stored(h.store.Bundles, bundlesOf(ctx, trust.TrustProduct)), presentProduct)
	return server.ListTrustProductResponseFunc(write), err
}

// UpdateTrustProduct edits a product, submits it, or both.
func (h *Hub) UpdateTrustProduct(
	ctx context.Context, r server.UpdateTrustProductRequestObject,
) (server.UpdateTrustProductResponseObject, error) {
	b, err := h.updateBundle(ctx, trust.TrustProduct, r.SID, *r.Body)
	return server.UpdateTrustProduct200JSONResponse{Body: presentProduct(ctx, b)}, err
}

// DeleteTrustProduct removes a product that is not under review.
func (h *Hub) DeleteTrustProduct(
	ctx context.Context, r server.DeleteTrustProductRequestObject,
) (server.DeleteTrustProductResponseObject, error) {
	return server.DeleteTrustProduct204Response{}, h.deleteBundle(ctx, trust.TrustProduct, r.SID)
}

func presentProduct(ctx context.Context, b trust.Bundle) gen.TrustProduct {
	url := bundleURL(ctx, trust.TrustProduct, b.SID)
	return gen.TrustProduct{
		SID: b.SID, AccountSID: b.AccountSID, PolicySID: b.PolicySID, FriendlyName: b.FriendlyName, Email: b.Email,
		Status: gen.BundleStatus(b.Status), StatusCallback: presentCallback(b),
		ValidUntil: presentValidUntil(b), Errors: presentErrors(b),
		DateCreated: wholeSeconds(b.Created), DateUpdated: wholeSeconds(b.Updated), URL: url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
}
