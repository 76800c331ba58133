package operator

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListReview returns a page of what waits for a reviewer.
func (o *Operator) ListReview(ctx context.Context, r server.ListReviewRequestObject) (server.ListReviewResponseObject, error) {
	p, err := newPage(gen.NewListReviewRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	bundles, err := o.store.UndecidedBundles(ctx, after, p.size+1)
	if err != nil {
		return nil, err
	}
	reviews, meta := present(p, "reviews", bundles, presentReview,
		func(b trust.Bundle) string { return placeToken(b.Updated, b.SID) })
	return server.ListReview200JSONResponse{Reviews: reviews, Meta: meta}, nil
}

// FetchReview returns the state of a bundle's review.
func (o *Operator) FetchReview(ctx context.Context, r server.FetchReviewRequestObject) (server.FetchReviewResponseObject, error) {
	b, err := o.store.Bundle(ctx, r.BundleSID)
	if err != nil {
		return nil, err
	}
	return server.FetchReview200JSONResponse{ReviewJSONResponse: server.ReviewJSONResponse(presentReview(b))}, nil
}

// StartReview takes a bundle into review.
func (o *Operator) StartReview(ctx context.Context, r server.StartReviewRequestObject) (server.StartReviewResponseObject, error) {
	b, err := o.Decide(ctx, r.BundleSID, o.policy, trust.Change{Status: new(trust.InReview)})
	if err != nil {
		return nil, err
	}
	return server.StartReview200JSONResponse{ReviewJSONResponse: server.ReviewJSONResponse(presentReview(b))}, nil
}

// ApproveReview approves a bundle.
func (o *Operator) ApproveReview(
	ctx context.Context, r server.ApproveReviewRequestObject,
) (server.ApproveReviewResponseObject, error) {
	policy := o.policy
	if r.Params.ValidForSeconds != nil {
		policy.ValidFor = time.Duration(*r.Params.ValidForSeconds) * time.Second
	}
	b, err := o.Decide(ctx, r.BundleSID, policy, trust.Change{Status: new(trust.TwilioApproved)})
	if err != nil {
		return nil, err
	}
	return server.ApproveReview200JSONResponse{ReviewJSONResponse: server.ReviewJSONResponse(presentReview(b))}, nil
}

// RejectReview rejects a bundle.
func (o *Operator) RejectReview(
	ctx context.Context, r server.RejectReviewRequestObject,
) (server.RejectReviewResponseObject, error) {
	b, err := o.Decide(ctx, r.BundleSID, o.policy, trust.Change{Status: new(trust.TwilioRejected), Reasons: r.Body.Errors})
	if err != nil {
		return nil, err
	}
	return server.RejectReview200JSONResponse{ReviewJSONResponse: server.ReviewJSONResponse(presentReview(b))}, nil
}

// Decide makes a reviewer's change to the status of a bundle of any account, and returns the bundle. A bundle that is pending
// review is approved or rejected in one step. The error is a *StatusError if the status does not allow it.
func (o *Operator) Decide(ctx context.Context, sid string, policy trust.Policy, decision trust.Change) (trust.Bundle, error) {
	now := o.now()
	decision.TraceParent = api.TraceParent(ctx)
	if !o.unlogged {
		decision.RequestID = api.RequestID(ctx)
	}
	var before trust.Bundle
	after, err := o.store.ReviewBundle(ctx, sid, func(b trust.Bundle) (trust.Outcome, error) {
		before = b
		if *decision.Status == trust.InReview {
			return policy.Apply(b, decision, trust.Reviewer, now)
		}
		return policy.Decide(b, decision, now)
	})
	if errors.Is(err, trust.ErrStatusChange) {
		return before, &StatusError{before, *decision.Status}
	}
	return after, err
}

// StatusError means that the status of a bundle does not allow a reviewer's change.
type StatusError struct {
	Bundle trust.Bundle
	To     trust.Status
}

// Error completes a sentence that begins with the bundle.
func (e *StatusError) Error() string {
	allowed := "can be approved or rejected"
	if e.To == trust.InReview {
		allowed = "can be taken into review"
	}
	return fmt.Sprintf("is %s, but only a submitted %s %s", describeStatus(e.Bundle), e.Bundle.Kind.Name(), allowed)
}

// Unwrap returns trust.ErrStatusChange.
func (e *StatusError) Unwrap() error { return trust.ErrStatusChange }

// describeStatus returns the status of a bundle, with the codes of a rejection.
func describeStatus(b trust.Bundle) string {
	if b.Status != trust.TwilioRejected {
		return string(b.Status)
	}
	if len(b.Errors) == 0 {
		return string(b.Status) + " because its approval expired"
	}
	codes := make([]string, len(b.Errors))
	for i, code := range b.Errors {
		codes[i] = strconv.Itoa(code)
	}
	return string(b.Status) + " with " + strings.Join(codes, ", ")
}

func presentReview(b trust.Bundle) gen.Review {
	return gen.Review{
		BundleSID: b.SID, Kind: gen.BundleKind(b.Kind), AccountSID: b.AccountSID, FriendlyName: b.FriendlyName,
		Status: gen.BundleStatus(b.Status), Errors: append([]int{}, b.Errors...), ValidUntil: optional(b.ValidUntil),
		DateUpdated: wholeSeconds(b.Updated),
	}
}
