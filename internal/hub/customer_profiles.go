package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateCustomerProfile stores a draft.
func (h *Hub) CreateCustomerProfile(
	ctx context.Context, r server.CreateCustomerProfileRequestObject,
) (server.CreateCustomerProfileResponseObject, error) {
	b, err := h.createBundle(ctx, trust.CustomerProfile, request{"CreateCustomerProfile", r.Params.IdempotencyKey, r.Body},
		gen.CreateTrustProductRequest(*r.Body))
	return server.CreateCustomerProfile201JSONResponse{Body: presentProfile(ctx, b)}, err
}

// FetchCustomerProfile returns a profile as it is.
func (h *Hub) FetchCustomerProfile(
	ctx context.Context, r server.FetchCustomerProfileRequestObject,
) (server.FetchCustomerProfileResponseObject, error) {
	b, err := h.fetchBundle(ctx, trust.CustomerProfile, r.SID)
	return server.FetchCustomerProfile200JSONResponse{Body: presentProfile(ctx, b)}, err
}

// ListCustomerProfile returns a page of the account's profiles.
func (h *Hub) ListCustomerProfile(
	ctx context.Context, r server.ListCustomerProfileRequestObject,
) (server.ListCustomerProfileResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListCustomerProfileRequest("", &r.Params)), "results",
		stored(h.store.Bundles, bundlesOf(ctx, trust.CustomerProfile)), presentProfile)
	return server.ListCustomerProfileResponseFunc(write), err
}

// UpdateCustomerProfile edits a profile, submits it, or both.
func (h *Hub) UpdateCustomerProfile(
	ctx context.Context, r server.UpdateCustomerProfileRequestObject,
) (server.UpdateCustomerProfileResponseObject, error) {
	b, err := h.updateBundle(ctx, trust.CustomerProfile, r.SID, gen.UpdateTrustProductRequest(*r.Body))
	return server.UpdateCustomerProfile200JSONResponse{Body: presentProfile(ctx, b)}, err
}

// DeleteCustomerProfile removes a profile that is not under review.
func (h *Hub) DeleteCustomerProfile(
	ctx context.Context, r server.DeleteCustomerProfileRequestObject,
) (server.DeleteCustomerProfileResponseObject, error) {
	return server.DeleteCustomerProfile204Response{}, h.deleteBundle(ctx, trust.CustomerProfile, r.SID)
}

func presentProfile(ctx context.Context, b trust.Bundle) gen.CustomerProfile {
	url := bundleURL(ctx, trust.CustomerProfile, b.SID)
	return gen.CustomerProfile{
		SID: b.SID, AccountSID: b.AccountSID, PolicySID: b.PolicySID, FriendlyName: b.FriendlyName, Email: b.Email,
		Status: gen.BundleStatus(b.Status), StatusCallback: presentCallback(b),
		ValidUntil: presentValidUntil(b), Errors: presentErrors(b),
		DateCreated: wholeSeconds(b.Created), DateUpdated: wholeSeconds(b.Updated), URL: url,
		Links: gen.CustomerProfileLinks{
			CustomerProfilesEntityAssignments:         url + "/EntityAssignments",
			CustomerProfilesEvaluations:               url + "/Evaluations",
			CustomerProfilesChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
}
