package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateCustomerProfileEntityAssignment assigns an object to a profile that can be edited.
func (h *Hub) CreateCustomerProfileEntityAssignment(
	ctx context.Context, r server.CreateCustomerProfileEntityAssignmentRequestObject,
) (server.CreateCustomerProfileEntityAssignmentResponseObject, error) {
	a, err := h.assign(ctx, trust.CustomerProfile,
		request{"CreateCustomerProfileEntityAssignment", r.Params.IdempotencyKey, []any{r.CustomerProfileSID, r.Body}},
		r.CustomerProfileSID, r.Body.ObjectSID)
	return server.CreateCustomerProfileEntityAssignment201JSONResponse{Body: presentProfileAssignment(ctx, a)}, err
}

// FetchCustomerProfileEntityAssignment returns an assignment.
func (h *Hub) FetchCustomerProfileEntityAssignment(
	ctx context.Context, r server.FetchCustomerProfileEntityAssignmentRequestObject,
) (server.FetchCustomerProfileEntityAssignmentResponseObject, error) {
	a, err := fetchContent(ctx, h, h.store.Assignments, trust.CustomerProfile, r.CustomerProfileSID, r.SID)
	return server.FetchCustomerProfileEntityAssignment200JSONResponse{Body: presentProfileAssignment(ctx, a)}, err
}

// ListCustomerProfileEntityAssignment returns a page of a profile's assignments.
func (h *Hub) ListCustomerProfileEntityAssignment(
	ctx context.Context, r server.ListCustomerProfileEntityAssignmentRequestObject,
) (server.ListCustomerProfileEntityAssignmentResponseObject, error) {
	write, err := openContents(ctx, h, trust.CustomerProfile, r.CustomerProfileSID,
		requested(gen.NewListCustomerProfileEntityAssignmentRequest("", r.CustomerProfileSID, &r.Params)),
		storedIn(h.store.Assignments), presentProfileAssignment)
	return server.ListCustomerProfileEntityAssignmentResponseFunc(write), err
}

// DeleteCustomerProfileEntityAssignment removes an assignment from a profile that can be edited.
func (h *Hub) DeleteCustomerProfileEntityAssignment(
	ctx context.Context, r server.DeleteCustomerProfileEntityAssignmentRequestObject,
) (server.DeleteCustomerProfileEntityAssignmentResponseObject, error) {
	return server.DeleteCustomerProfileEntityAssignment204Response{},
		h.unassign(ctx, trust.CustomerProfile, r.CustomerProfileSID, r.SID)
}

// CreateCustomerProfileChannelEndpointAssignment assigns a phone number to a profile.
func (h *Hub) CreateCustomerProfileChannelEndpointAssignment(
	ctx context.Context, r server.CreateCustomerProfileChannelEndpointAssignmentRequestObject,
) (server.CreateCustomerProfileChannelEndpointAssignmentResponseObject, error) {
	e, err := h.assignEndpoint(ctx, trust.CustomerProfile,
		request{"CreateCustomerProfileChannelEndpointAssignment", r.Params.IdempotencyKey, []any{r.CustomerProfileSID, r.Body}},
		r.CustomerProfileSID, string(r.Body.ChannelEndpointType), r.Body.ChannelEndpointSID)
	return server.CreateCustomerProfileChannelEndpointAssignment201JSONResponse{Body: presentProfileEndpoint(ctx, e)}, err
}

// FetchCustomerProfileChannelEndpointAssignment returns the assignment of a phone number.
func (h *Hub) FetchCustomerProfileChannelEndpointAssignment(
	ctx context.Context, r server.FetchCustomerProfileChannelEndpointAssignmentRequestObject,
) (server.FetchCustomerProfileChannelEndpointAssignmentResponseObject, error) {
	e, err := fetchContent(ctx, h, h.store.ChannelEndpoints, trust.CustomerProfile, r.CustomerProfileSID, r.SID)
	return server.FetchCustomerProfileChannelEndpointAssignment200JSONResponse{Body: presentProfileEndpoint(ctx, e)}, err
}

// ListCustomerProfileChannelEndpointAssignment returns a page of a profile's phone numbers.
func (h *Hub) ListCustomerProfileChannelEndpointAssignment(
	ctx context.Context, r server.ListCustomerProfileChannelEndpointAssignmentRequestObject,
) (server.ListCustomerProfileChannelEndpointAssignmentResponseObject, error) {
	write, err := openContents(ctx, h, trust.CustomerProfile, r.CustomerProfileSID,
		requested(gen.NewListCustomerProfileChannelEndpointAssignmentRequest("", r.CustomerProfileSID, &r.Params)),
		h.endpointsIn, presentProfileEndpoint)
	return server.ListCustomerProfileChannelEndpointAssignmentResponseFunc(write), err
}

// DeleteCustomerProfileChannelEndpointAssignment removes a phone number from a profile.
func (h *Hub) DeleteCustomerProfileChannelEndpointAssignment(
	ctx context.Context, r server.DeleteCustomerProfileChannelEndpointAssignmentRequestObject,
) (server.DeleteCustomerProfileChannelEndpointAssignmentResponseObject, error) {
	return server.DeleteCustomerProfileChannelEndpointAssignment204Response{},
		h.unassignEndpoint(ctx, trust.CustomerProfile, r.CustomerProfileSID, r.SID)
}

// CreateCustomerProfileEvaluation evaluates a profile against a policy, which need not be its own.
func (h *Hub) CreateCustomerProfileEvaluation(
	ctx context.Context, r server.CreateCustomerProfileEvaluationRequestObject,
) (server.CreateCustomerProfileEvaluationResponseObject, error) {
	e, err := h.evaluate(ctx, trust.CustomerProfile,
		request{"CreateCustomerProfileEvaluation", r.Params.IdempotencyKey, []any{r.CustomerProfileSID, r.Body}},
		r.CustomerProfileSID, r.Body.PolicySID)
	return server.CreateCustomerProfileEvaluation201JSONResponse{Body: presentProfileEvaluation(ctx, e)}, err
}

// FetchCustomerProfileEvaluation returns an evaluation as it was made.
func (h *Hub) FetchCustomerProfileEvaluation(
	ctx context.Context, r server.FetchCustomerProfileEvaluationRequestObject,
) (server.FetchCustomerProfileEvaluationResponseObject, error) {
	e, err := fetchContent(ctx, h, h.store.Evaluations, trust.CustomerProfile, r.CustomerProfileSID, r.SID)
	return server.FetchCustomerProfileEvaluation200JSONResponse{Body: presentProfileEvaluation(ctx, e)}, err
}

// ListCustomerProfileEvaluation returns a page of a profile's evaluations.
func (h *Hub) ListCustomerProfileEvaluation(
	ctx context.Context, r server.ListCustomerProfileEvaluationRequestObject,
) (server.ListCustomerProfileEvaluationResponseObject, error) {
	write, err := openContents(ctx, h, trust.CustomerProfile, r.CustomerProfileSID,
		requested(gen.NewListCustomerProfileEvaluationRequest("", r.CustomerProfileSID, &r.Params)),
		storedIn(h.store.Evaluations), presentProfileEvaluation)
	return server.ListCustomerProfileEvaluationResponseFunc(write), err
}

func presentProfileAssignment(ctx context.Context, a trust.Assignment) gen.CustomerProfileEntityAssignment {
	return gen.CustomerProfileEntityAssignment{
		SID: a.SID, AccountSID: a.AccountSID, CustomerProfileSID: a.BundleSID, ObjectSID: a.ObjectSID,
		DateCreated: wholeSeconds(a.Created),
		URL:         contentURL(ctx, trust.CustomerProfile, a.BundleSID, "EntityAssignments", a.SID),
	}
}

func presentProfileEndpoint(ctx context.Context, e trust.ChannelEndpoint) gen.CustomerProfileChannelEndpointAssignment {
	return gen.CustomerProfileChannelEndpointAssignment{
		SID: e.SID, AccountSID: e.AccountSID, CustomerProfileSID: e.BundleSID,
		ChannelEndpointType: e.Type, ChannelEndpointSID: e.EndpointSID,
		DateCreated: wholeSeconds(e.Created),
		URL:         contentURL(ctx, trust.CustomerProfile, e.BundleSID, "ChannelEndpointAssignments", e.SID),
	}
}

func presentProfileEvaluation(ctx context.Context, e trust.Evaluation) gen.CustomerProfileEvaluation {
	return gen.CustomerProfileEvaluation{
		SID: e.SID, AccountSID: e.AccountSID, CustomerProfileSID: e.BundleSID, PolicySID: e.PolicySID,
		Status: gen.EvaluationStatus(e.Status), Results: presentResults(e.Results),
		DateCreated: wholeSeconds(e.Created),
		URL:         evaluationURL(ctx, trust.CustomerProfile, e),
	}
}
