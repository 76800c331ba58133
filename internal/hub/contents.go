package hub

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// contentsOf returns the scope of what belongs to the caller's bundle, or store.ErrNotFound if the caller has no such bundle of
// the kind.
func (h *Hub) contentsOf(ctx context.Context, kind trust.Kind, bundleSID string) (store.Scope, error) {
	_, err := h.fetchBundle(ctx, kind, bundleSID)
	return store.Scope{bundleSID}, err
}

// fetchContent returns a row of what belongs to the caller's bundle.
func fetchContent[Row any](
	ctx context.Context, h *Hub, r *store.Resource[Row], kind trust.Kind, bundleSID, sid string,
) (Row, error) {
	of, err := h.contentsOf(ctx, kind, bundleSID)
	if err != nil {
		var none Row
		return none, err
	}
	return r.Fetch(ctx, of, sid)
}

// openContents is openPage for a list of what belongs to the caller's bundle.
func openContents[Row, Shown any](
	ctx context.Context, h *Hub, kind trust.Kind, bundleSID string, r pageRequest,
	rows func(store.Scope) source[Row], present func(context.Context, Row) Shown,
) (write func(http.ResponseWriter) error, err error) {
	of, err := h.contentsOf(ctx, kind, bundleSID)
	if err != nil {
		return nil, err
	}
	return openPage(ctx, h, r, "results", rows(of), present)
}

// storedIn returns stored for any scope.
func storedIn[Row any](r *store.Resource[Row]) func(store.Scope) source[Row] {
	return func(of store.Scope) source[Row] { return stored(r, of) }
}

// assign assigns an object to a bundle of the kind.
func (h *Hub) assign(
	ctx context.Context, kind trust.Kind, r request, bundleSID, objectSID string,
) (trust.Assignment, error) {
	now := h.now()
	a := trust.Assignment{
		SID: trust.NewSID(trust.AssignmentPrefix, now), AccountSID: api.AccountSID(ctx), BundleSID: bundleSID,
		ObjectSID: objectSID, Created: now,
	}
	once, err := r.once(a.AccountSID, now)
	if err != nil {
		return a, err
	}
	return h.store.Assign(ctx, bundlesOf(ctx, kind), once, a, requestedBy(ctx, now),
		func(b trust.Bundle, o store.Object) (string, error) {
			if err := assignable(b); err != nil {
				return "", err
			}
			if reason := notAssignable(b, objectSID); reason != "" {
				return "", api.NewError(api.CodeInvalidState, reason, nil)
			}
			return typeOf(o), nil
		})
}

// notAssignable returns why no object with this SID can be assigned to the bundle, whether it exists or not. It returns the empty
// string if one can.
func notAssignable(b trust.Bundle, objectSID string) string {
	switch prefix := objectSID[:2]; {
	case objectSID == b.SID:
		return "A bundle cannot be assigned to itself."
	case prefix == trust.AddressPrefix:
		return "An address cannot be assigned. Assign a supporting document that names it."
	case !slices.Contains([]string{trust.EndUserPrefix, trust.SupportingDocumentPrefix, trust.BundlePrefix}, prefix):
		return "Only end users, supporting documents and bundles can be assigned."
	}
	return ""
}

// unassign removes an assignment from a bundle of the kind.
func (h *Hub) unassign(ctx context.Context, kind trust.Kind, bundleSID, sid string) error {
	return h.store.Unassign(ctx, bundlesOf(ctx, kind), bundleSID, sid, requestedBy(ctx, h.now()), assignable)
}

// assignable returns why the entity assignments of a bundle cannot be changed, nil if they can.
func assignable(b trust.Bundle) error {
	if err := b.Restricted(); err != nil {
		return err
	}
	return b.Status.AssignmentsFrozen()
}

// typeOf returns the machine name of an object's type, or the empty string for a bundle whose type has no such name.
func typeOf(o store.Object) string {
	if o.PolicySID != "" {
		return catalog.Default().BundleType(o.PolicySID)
	}
	return o.Type
}

// assignEndpoint assigns a channel endpoint to a bundle of the kind. A product that needs a profile takes only the endpoints of
// one that is assigned to it.
func (h *Hub) assignEndpoint(
	ctx context.Context, kind trust.Kind, r request, bundleSID, endpointType, endpointSID string,
) (trust.ChannelEndpoint, error) {
	now := h.now()
	e := trust.ChannelEndpoint{
		SID: trust.NewSID(trust.ChannelEndpointPrefix, now), AccountSID: api.AccountSID(ctx), BundleSID: bundleSID,
		Type: endpointType, EndpointSID: endpointSID, Created: now,
	}
	return h.endpoints.createWith(ctx, r, func(once *store.Request) (trust.ChannelEndpoint, error) {
		by := requestedBy(ctx, now)
		return h.store.AssignEndpoint(ctx, bundlesOf(ctx, kind), once, e, by, func(b trust.Bundle, onProfile bool) error {
			if kind == trust.TrustProduct && !onProfile && catalog.Default().NeedsProfile(b.PolicySID) {
				return api.NewError(api.CodeInvalidState, "The channel endpoint must first be assigned to a Customer Profile, "+
					"and that profile to the Trust Product.", nil)
			}
			return nil
		})
	})
}

// unassignEndpoint removes a channel endpoint from a bundle of the kind, in whatever status that is.
func (h *Hub) unassignEndpoint(ctx context.Context, kind trust.Kind, bundleSID, sid string) error {
	err := h.store.UnassignEndpoint(ctx, bundlesOf(ctx, kind), bundleSID, sid, requestedBy(ctx, h.now()))
	if err == nil {
		h.endpoints.quota.release(api.AccountSID(ctx))
	}
	return err
}

// endpointsIn is the source of a bundle's channel endpoints. Besides the filter by one SID it has that by a comma list of them.
func (h *Hub) endpointsIn(of store.Scope) source[trust.ChannelEndpoint] {
	all := stored(h.store.ChannelEndpoints, of)
	return source[trust.ChannelEndpoint]{
		key: all.key,
		read: func(ctx context.Context, filters url.Values, part store.Range) (store.Part[trust.ChannelEndpoint], error) {
			const several, one = "ChannelEndpointSids", "ChannelEndpointSid"
			if !filters.Has(several) {
				return all.read(ctx, filters, part)
			}
			sids := strings.Split(filters.Get(several), ",")
			filters = maps.Clone(filters)
			filters.Del(several)
			switch {
			case !filters.Has(one):
				query := store.Query{Of: of, AnyOf: map[string][]string{columnOf(one): sids}, Range: part}
				return h.store.ChannelEndpoints.List(ctx, query)
			case !slices.Contains(sids, filters.Get(one)):
				return store.Part[trust.ChannelEndpoint]{}, nil // nothing fulfills both
			}
			return all.read(ctx, filters, part)
		},
	}
}

// evaluate stores an evaluation of a bundle of the kind.
func (h *Hub) evaluate(
	ctx context.Context, kind trust.Kind, r request, bundleSID, policySID string,
) (trust.Evaluation, error) {
	e := newEvaluation(api.AccountSID(ctx), bundleSID, policySID, h.now())
	once, err := r.once(e.AccountSID, e.Created)
	if err != nil {
		return e, err
	}
	return h.store.Evaluate(ctx, bundlesOf(ctx, kind), once, e, requestedBy(ctx, e.Created),
		func(e *trust.Evaluation, assigned trust.Assigned) {
			e.Status, e.Results = catalog.Default().Evaluate(e.PolicySID, assigned)
		})
}

// newEvaluation returns an evaluation that has still to be made.
func newEvaluation(accountSID, bundleSID, policySID string, now time.Time) trust.Evaluation {
	return trust.Evaluation{
		SID: trust.NewSID(trust.EvaluationPrefix, now), AccountSID: accountSID, BundleSID: bundleSID, PolicySID: policySID,
		Created: now,
	}
}

// contentURL is the URL of what belongs to a bundle of the kind.
func contentURL(ctx context.Context, kind trust.Kind, bundleSID, collection, sid string) string {
	return bundleURL(ctx, kind, bundleSID) + "/" + collection + "/" + sid
}

func evaluationURL(ctx context.Context, kind trust.Kind, e trust.Evaluation) string {
	return contentURL(ctx, kind, e.BundleSID, "Evaluations", e.SID)
}

func presentResults(results []trust.Result) []gen.EvaluationResult {
	shown := make([]gen.EvaluationResult, len(results))
	for i, r := range results {
		shown[i] = gen.EvaluationResult{
			FriendlyName: r.FriendlyName, ObjectType: r.ObjectType, Passed: r.Passed, FailureReason: r.FailureReason,
			ErrorCode: r.ErrorCode, Valid: make([]gen.EvaluationValidField, len(r.Valid)),
			Invalid:                 make([]gen.EvaluationInvalidField, len(r.Invalid)),
			RequirementFriendlyName: r.RequirementFriendlyName, RequirementName: r.RequirementName,
		}
		for n, f := range r.Valid {
			shown[i].Valid[n] = gen.EvaluationValidField{
				FriendlyName: f.FriendlyName, ObjectField: f.ObjectField, Passed: f.Passed, ErrorCode: f.ErrorCode,
				FailureReason: f.FailureReason,
			}
		}
		for n, f := range r.Invalid {
			shown[i].Invalid[n] = gen.EvaluationInvalidField{
				FriendlyName: f.FriendlyName, ObjectField: f.ObjectField, FailureReason: f.FailureReason, ErrorCode: f.ErrorCode,
			}
		}
	}
	return shown
}
