package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateTrustProductEntityAssignment assigns an object to a product that can be edited.
func (h *Hub) CreateTrustProductEntityAssignment(
	ctx context.Context, r server.CreateTrustProductEntityAssignmentRequestObject,
) (server.CreateTrustProductEntityAssignmentResponseObject, error) {
	a, err := h.assign(ctx, trust.TrustProduct,
		request{"CreateTrustProductEntityAssignment", r.Params.IdempotencyKey, []any{r.TrustProductSID, r.Body}},
		r.TrustProductSID, r.Body.ObjectSID)
	return server.CreateTrustProductEntityAssignment201JSONResponse{Body: presentProductAssignment(ctx, a)}, err
}

// FetchTrustProductEntityAssignment returns an assignment.
func (h *Hub) FetchTrustProductEntityAssignment(
	ctx context.Context, r server.FetchTrustProductEntityAssignmentRequestObject,
) (server.FetchTrustProductEntityAssignmentResponseObject, error) {
	a, err := fetchContent(ctx, h, h.store.Assignments, trust.TrustProduct, r.TrustProductSID, r.SID)
	return server.FetchTrustProductEntityAssignment200JSONResponse{Body: presentProductAssignment(ctx, a)}, err
}

// ListTrustProductEntityAssignment returns a page of a product's assignments.
func (h *Hub) ListTrustProductEntityAssignment(
	ctx context.Context, r server.ListTrustProductEntityAssignmentRequestObject,
) (server.ListTrustProductEntityAssignmentResponseObject, error) {
	write, err := openContents(ctx, h, trust.TrustProduct, r.TrustProductSID,
		requested(gen.NewListTrustProductEntityAssignmentRequest("", r.TrustProductSID, &r.Params)),
		storedIn(h.store.Assignments), presentProductAssignment)
	return server.ListTrustProductEntityAssignmentResponseFunc(write), err
}

// DeleteTrustProductEntityAssignment removes an assignment from a product that can be edited.
func (h *Hub) DeleteTrustProductEntityAssignment(
	ctx context.Context, r server.DeleteTrustProductEntityAssignmentRequestObject,
) (server.DeleteTrustProductEntityAssignmentResponseObject, error) {
	return server.DeleteTrustProductEntityAssignment204Response{},
		h.unassign(ctx, trust.TrustProduct, r.TrustProductSID, r.SID)
}

// CreateTrustProductChannelEndpointAssignment assigns a phone number to a product.
func (h *Hub) CreateTrustProductChannelEndpointAssignment(
	ctx context.Context, r server.CreateTrustProductChannelEndpointAssignmentRequestObject,
) (server.CreateTrustProductChannelEndpointAssignmentResponseObject, error) {
	e, err := h.assignEndpoint(ctx, trust.TrustProduct,
		request{"CreateTrustProductChannelEndpointAssignment", r.Params.IdempotencyKey, []any{r.TrustProductSID, r.Body}},
		r.TrustProductSID, string(r.Body.ChannelEndpointType), r.Body.ChannelEndpointSID)
	return server.CreateTrustProductChannelEndpointAssignment201JSONResponse{Body: presentProductEndpoint(ctx, e)}, err
}

// FetchTrustProductChannelEndpointAssignment returns the assignment of a phone number.
func (h *Hub) FetchTrustProductChannelEndpointAssignment(
	ctx context.Context, r server.FetchTrustProductChannelEndpointAssignmentRequestObject,
) (server.FetchTrustProductChannelEndpointAssignmentResponseObject, error) {
	e, err := fetchContent(ctx, h, h.store.ChannelEndpoints, trust.TrustProduct, r.TrustProductSID, r.SID)
	return server.FetchTrustProductChannelEndpointAssignment200JSONResponse{Body: presentProductEndpoint(ctx, e)}, err
}

// ListTrustProductChannelEndpointAssignment returns a page of a product's phone numbers.
func (h *Hub) ListTrustProductChannelEndpointAssignment(
	ctx context.Context, r server.ListTrustProductChannelEndpointAssignmentRequestObject,
) (server.ListTrustProductChannelEndpointAssignmentResponseObject, error) {
	write, err := openContents(ctx, h, trust.TrustProduct, r.TrustProductSID,
		requested(gen.NewListTrustProductChannelEndpointAssignmentRequest("", r.TrustProductSID, &r.Params)),
		h.endpointsIn, presentProductEndpoint)
	return server.ListTrustProductChannelEndpointAssignmentResponseFunc(write), err
}

// DeleteTrustProductChannelEndpointAssignment removes a phone number from a product.
func (h *Hub) DeleteTrustProductChannelEndpointAssignment(
	ctx context.Context, r server.DeleteTrustProductChannelEndpointAssignmentRequestObject,
) (server.DeleteTrustProductChannelEndpointAssignmentResponseObject, error) {
	return server.DeleteTrustProductChannelEndpointAssignment204Response{},
		h.unassignEndpoint(ctx, trust.TrustProduct, r.TrustProductSID, r.SID)
}

// CreateTrustProductEvaluation evaluates a product against a policy, which need not be its own.
func (h *Hub) CreateTrustProductEvaluation(
	ctx context.Context, r server.CreateTrustProductEvaluationRequestObject,
) (server.CreateTrustProductEvaluationResponseObject, error) {
	e, err := h.evaluate(ctx, trust.TrustProduct,
		request{"CreateTrustProductEvaluation", r.Params.IdempotencyKey, []any{r.TrustProductSID, r.Body}},
		r.TrustProductSID, r.Body.PolicySID)
	return server.CreateTrustProductEvaluation201JSONResponse{Body: presentProductEvaluation(ctx, e)}, err
}

// FetchTrustProductEvaluation returns an evaluation as it was made.
func (h *Hub) FetchTrustProductEvaluation(
	ctx context.Context, r server.FetchTrustProductEvaluationRequestObject,
) (server.FetchTrustProductEvaluationResponseObject, error) {
	e, err := fetchContent(ctx, h, h.store.Evaluations, trust.TrustProduct, r.TrustProductSID, r.SID)
	return server.FetchTrustProductEvaluation200JSONResponse{Body: presentProductEvaluation(ctx, e)}, err
}

// ListTrustProductEvaluation returns a page of a product's evaluations.
func (h *Hub) ListTrustProductEvaluation(
	ctx context.Context, r server.ListTrustProductEvaluationRequestObject,
) (server.ListTrustProductEvaluationResponseObject, error) {
	write, err := openContents(ctx, h, trust.TrustProduct, r.TrustProductSID,
		requested(gen.NewListTrustProductEvaluationRequest("", r.TrustProductSID, &r.Params)),
		storedIn(h.store.Evaluations), presentProductEvaluation)
	return server.ListTrustProductEvaluationResponseFunc(write), err
}

func presentProductAssignment(ctx context.Context, a trust.Assignment) gen.TrustProductEntityAssignment {
	return gen.TrustProductEntityAssignment{
		SID: a.SID, AccountSID: a.AccountSID, TrustProductSID: a.BundleSID, ObjectSID: a.ObjectSID,
		DateCreated: wholeSeconds(a.Created),
		URL:         contentURL(ctx, trust.TrustProduct, a.BundleSID, "EntityAssignments", a.SID),
	}
}

func presentProductEndpoint(ctx context.Context, e trust.ChannelEndpoint) gen.TrustProductChannelEndpointAssignment {
	return gen.TrustProductChannelEndpointAssignment{
		SID: e.SID, AccountSID: e.AccountSID, TrustProductSID: e.BundleSID,
		ChannelEndpointType: e.Type, ChannelEndpointSID: e.EndpointSID,
		DateCreated: wholeSeconds(e.Created),
		URL:         contentURL(ctx, trust.TrustProduct, e.BundleSID, "ChannelEndpointAssignments", e.SID),
	}
}

func presentProductEvaluation(ctx context.Context, e trust.Evaluation) gen.TrustProductEvaluation {
	return gen.TrustProductEvaluation{
		SID: e.SID, AccountSID: e.AccountSID, TrustProductSID: e.BundleSID, PolicySID: e.PolicySID,
		Status: gen.EvaluationStatus(e.Status), Results: presentResults(e.Results),
		DateCreated: wholeSeconds(e.Created),
		URL:         evaluationURL(ctx, trust.TrustProduct, e),
	}
}
