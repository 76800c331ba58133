package hub

import (
	"context"
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// productsOf is the scope of the caller's Trust Products.
func productsOf(ctx context.Context) store.Scope {
	return store.BundlesOf(api.AccountSID(ctx), trust.TrustProduct)
}

// CreateTrustProduct stores a draft.
func (h *Hub) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	var callback string
	if r.Body.StatusCallback != nil {
		callback = *r.Body.StatusCallback
	}
	now := h.now()
	product, err := h.products.create(ctx, request{"CreateTrustProduct", r.Params.IdempotencyKey, r.Body},
		trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, now), api.AccountSID(ctx),
			r.Body.PolicySID, r.Body.FriendlyName, r.Body.Email, callback, now))
	if err != nil {
		return nil, err
	}
	return server.CreateTrustProduct201JSONResponse{Body: present(ctx, product)}, nil
}

// FetchTrustProduct returns a product as it is.
func (h *Hub) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	product, err := h.products.Fetch(ctx, productsOf(ctx), r.SID)
	if err != nil {
		return nil, err
	}
	return server.FetchTrustProduct200JSONResponse{Body: present(ctx, product)}, nil
}

// ListTrustProduct returns a page of the account's products.
func (h *Hub) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListTrustProductRequest("", &r.Params)), "results",
		stored(h.products.Resource, productsOf(ctx)), present)
	return server.ListTrustProductResponseFunc(write), err
}

// UpdateTrustProduct edits a product, submits it, or both.
func (h *Hub) UpdateTrustProduct(
	ctx context.Context, r server.UpdateTrustProductRequestObject,
) (server.UpdateTrustProductResponseObject, error) {
	change := trust.Change{
		FriendlyName:   r.Body.FriendlyName,
		Email:          r.Body.Email,
		StatusCallback: r.Body.StatusCallback,
		Status:         (*trust.Status)(r.Body.Status),
	}
	product, err := h.updateBundle(ctx, trust.TrustProduct, r.SID, change)
	if refused, ok := errors.AsType[*trust.NoncompliantError](err); ok {
		return nil, api.NewError(api.CodeInvalidState,
			"The Trust Product does not comply with its policy, see its evaluation "+evaluationURL(ctx, refused.Evaluation), err)
	}
	if err != nil {
		return nil, err
	}
	return server.UpdateTrustProduct200JSONResponse{Body: present(ctx, product)}, nil
}

// DeleteTrustProduct removes a product that is not under review.
func (h *Hub) DeleteTrustProduct(
	ctx context.Context, r server.DeleteTrustProductRequestObject,
) (server.DeleteTrustProductResponseObject, error) {
	err := h.store.DeleteBundle(ctx, productsOf(ctx), r.SID, h.now(), func(p trust.Bundle, assignedTo []trust.Status) error {
		return errors.Join(p.Status.Deletable(), trust.DeleteBundle.Allowed(assignedTo))
	})
	if err != nil {
		return nil, err
	}
	h.products.quota.release(api.AccountSID(ctx))
	return server.DeleteTrustProduct204Response{}, nil
}

// present returns the product as the API shows it.
func present(ctx context.Context, p trust.Bundle) gen.TrustProduct {
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + p.SID
	answer := gen.TrustProduct{
		SID:          p.SID,
		AccountSID:   p.AccountSID,
		PolicySID:    p.PolicySID,
		FriendlyName: p.FriendlyName,
		Status:       gen.TrustProductStatus(p.Status),
		Email:        p.Email,
		DateCreated:  wholeSeconds(p.Created),
		DateUpdated:  wholeSeconds(p.Updated),
		URL:          url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
	if p.StatusCallback != "" {
		answer.StatusCallback = &p.StatusCallback
	}
	if !p.ValidUntil.IsZero() {
		until := wholeSeconds(p.ValidUntil)
		answer.ValidUntil = &until
	}
	for _, code := range p.Errors {
		answer.Errors = append(answer.Errors, gen.TrustProductError{Code: code})
	}
	return answer
}

// wholeSeconds returns a time as the API shows it: twilio-python does not parse times with a fraction.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
