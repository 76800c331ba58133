// Package hub implements the generated server interface on a store, with a few lines for each operation.
//
// Package api validates and authenticates the requests, package trust decides what is allowed, package catalog knows the policies
// and evaluates, and package store keeps the data.
package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Hub implements server.StrictServerInterface on a store.
type Hub struct {
	store  *store.Store
	policy trust.Policy
	now    func() time.Time
	slots  *slots
	limits pageLimits

	credentials *credentialCache

	bundles     map[trust.Kind]collection[trust.Bundle]
	endUsers    collection[trust.EndUser]
	documents   collection[trust.SupportingDocument]
	endpoints   collection[trust.ChannelEndpoint]
	openNotices *quota // of each account
}

var _ server.StrictServerInterface = (*Hub)(nil)

// New returns a hub on an open store. now is the clock.
func New(s *store.Store, policy trust.Policy, quotas Quotas, now func() time.Time) *Hub {
	newBundles := func(kind trust.Kind) collection[trust.Bundle] {
		return newCollection(s.Bundles, kind.Name()+"s", quotas.Objects,
			func(ctx context.Context, accountSID string, limit int) (int, error) {
				return s.CountBundles(ctx, accountSID, kind, limit)
			}, now)
	}
	return &Hub{
		store: s, policy: policy, now: now, credentials: newCredentialCache(s, now), slots: newSlots(), limits: usualLimits(),
		bundles: map[trust.Kind]collection[trust.Bundle]{
			trust.TrustProduct:    newBundles(trust.TrustProduct),
			trust.CustomerProfile: newBundles(trust.CustomerProfile),
		},
		endUsers:    newCollection(s.EndUsers, "end users", quotas.Objects, countIn(s.EndUsers), now),
		documents:   newCollection(s.Documents, "supporting documents", quotas.Objects, countIn(s.Documents), now),
		endpoints:   newCollection(s.ChannelEndpoints, "channel endpoints", quotas.Objects, s.CountChannelEndpoints, now),
		openNotices: newQuota(quotas.OpenNotices, tooManyNotices(quotas.OpenNotices), s.CountOpenNotices, now),
	}
}

// Authenticate is an api.Config.Authenticate. The user name is an account SID and the password one of its auth tokens, or
// they are the SID of an API key and its secret.
func (h *Hub) Authenticate(ctx context.Context, username, password string) (string, error) {
	credential, err := h.credentials.authenticate(ctx, username, password)
	if errors.Is(err, store.ErrNotFound) {
		return "", api.ErrUnauthenticated
	}
	return credential.AccountSID, err
}

// Health is an api.Config.Health.
func (h *Hub) Health(ctx context.Context) error { return h.store.Health(ctx, h.now()) }

// MapError is an api.Config.MapError.
func MapError(err error) *api.Error {
	if taken, ok := errors.AsType[*store.EndpointTakenError](err); ok {
		return api.NewError(api.CodeAlreadyAssigned, "The channel endpoint is already assigned to "+taken.BundleSID, err)
	}
	if frozen, ok := errors.AsType[*trust.FrozenError](err); ok {
		return api.NewError(api.CodeInvalidState, frozen.Error(), err)
	}
	switch {
	case errors.Is(err, trust.ErrPrimary):
		return api.NewError(api.CodeInvalidState,
			"This operation is restricted via API for Primary Customer Profiles. Use Twilio Console instead.", err)
	case errors.Is(err, trust.ErrAssignmentsFrozen):
		return api.NewError(api.CodeInvalidState,
			"Cannot change the entity assignments. The bundle is in an immutable state.", err)
	case errors.Is(err, store.ErrObjectNotFound):
		return api.NewError(api.CodeNotFound, "The object that ObjectSid names was not found", err)
	case errors.Is(err, store.ErrNotFound):
		return api.NewError(api.CodeNotFound, "", err)
	case errors.Is(err, store.ErrAlreadyAssigned):
		return api.NewError(api.CodeAlreadyAssigned, "The object is already assigned to this bundle", err)
	case errors.Is(err, store.ErrTooManyAssigned):
		return api.NewError(api.CodeInvalidParameter,
			fmt.Sprintf("The bundle has reached its limit of %d entity assignments; delete some first", store.MaxAssigned), err)
	case errors.Is(err, store.ErrKeyReused):
		return api.NewError(api.CodeConflict, "The Idempotency-Key was used with another request", err)
	case errors.Is(err, trust.ErrStatusChange):
		return api.NewError(api.CodeInvalidState, "User cannot perform this status update", err)
	case errors.Is(err, store.ErrUnavailable):
		unavailable := api.NewError(api.CodeUnavailable, "", err)
		if !errors.Is(err, store.ErrUncertain) { // Retry-After means that the request was not carried out
			unavailable.RetryAfter = time.Second
		}
		return unavailable
	}
	return nil
}
