// Package hub is this project's implementation of the generated server interface: it turns requests into changes of the
// domain and products into answers, a few lines an operation.
//
// It relies on package api for all that the contract says (what arrives here is valid and its account is authenticated),
// on package trust for what may be done, and on package store for keeping it.
package hub

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	known  *accountCache
	slots  *slots
	limits pageLimits
	// What each account has, with its limits.
	products, openNotices *quota
}

var _ server.StrictServerInterface = (*Hub)(nil)

// New returns a hub on an open store. now is the clock.
func New(s *store.Store, policy trust.Policy, quotas Quotas, now func() time.Time) *Hub {
	countProducts := func(ctx context.Context, accountSID string, limit int) (int, error) {
		return s.CountBundles(ctx, accountSID, trust.TrustProduct, limit)
	}
	return &Hub{
		store: s, policy: policy, now: now, known: newAccountCache(s, now), slots: newSlots(), limits: usualLimits(),
		products:    newQuota(quotas.Products, tooManyProducts(quotas.Products), countProducts, now),
		openNotices: newQuota(quotas.OpenNotices, tooManyNotices(quotas.OpenNotices), s.CountOpenNotices, now),
	}
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
	product := trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, now), api.AccountSID(ctx),
		r.Body.PolicySID, r.Body.FriendlyName, r.Body.Email, callback, now)
	product, err := h.createWithinQuota(ctx, r, product)
	if err != nil {
		return nil, err
	}
	return server.CreateTrustProduct201JSONResponse{Body: present(ctx, product)}, nil
}

// createWithinQuota stores the product unless its account has as many as it may. A repeat is answered even then.
func (h *Hub) createWithinQuota(
	ctx context.Context, r server.CreateTrustProductRequestObject, p trust.Bundle,
) (trust.Bundle, error) {
	refused := h.products.take(ctx, p.AccountSID, 1)
	if refused == nil {
		defer h.products.landed(p.AccountSID, 1)
		return h.create(ctx, r, p)
	}
	if r.Params.IdempotencyKey == nil {
		return trust.Bundle{}, refused
	}
	fingerprint, err := fingerprintOf(r)
	if err != nil {
		return trust.Bundle{}, err
	}
	first, err := h.store.CreatedBefore(ctx, *r.Params.IdempotencyKey, fingerprint, p)
	if errors.Is(err, store.ErrNotFound) {
		return trust.Bundle{}, refused
	}
	return first, err
}

// create stores the product, once for all requests with the same Idempotency-Key and body.
func (h *Hub) create(
	ctx context.Context, r server.CreateTrustProductRequestObject, p trust.Bundle,
) (trust.Bundle, error) {
	if r.Params.IdempotencyKey == nil {
		return p, h.store.CreateBundle(ctx, p)
	}
	fingerprint, err := fingerprintOf(r)
	if err != nil {
		return trust.Bundle{}, err
	}
	return h.store.CreateBundleOnce(ctx, *r.Params.IdempotencyKey, fingerprint, p)
}

// fingerprintOf tells one body from another.
func fingerprintOf(r server.CreateTrustProductRequestObject) (string, error) {
	body, err := json.Marshal(r.Body)
	if err != nil {
		return "", err
	}
	fingerprint := sha256.Sum256(body)
	return hex.EncodeToString(fingerprint[:]), nil
}

// FetchTrustProduct answers a product as it is.
func (h *Hub) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	product, err := h.store.Bundle(ctx, api.AccountSID(ctx), trust.TrustProduct, r.SID)
	if err != nil {
		return nil, err
	}
	return server.FetchTrustProduct200JSONResponse{Body: present(ctx, product)}, nil
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
	accountSID := api.AccountSID(ctx)
	var refused error // where the change queues notices
	if change.Status != nil {
		atMost := len(trust.Channels())
		if refused = h.openNotices.take(ctx, accountSID, atMost); refused == nil {
			defer h.openNotices.landed(accountSID, atMost)
		}
	}
	product, err := h.store.UpdateBundle(ctx, accountSID, trust.TrustProduct, r.SID, func(p trust.Bundle) (trust.Outcome, error) {
		outcome, err := h.policy.Apply(p, change, trust.AccountHolder, h.now())
		if err == nil && len(outcome.Notices) > 0 && refused != nil {
			return trust.Outcome{}, refused
		}
		return outcome, err
	})
	if err != nil {
		return nil, err
	}
	return server.UpdateTrustProduct200JSONResponse{Body: present(ctx, product)}, nil
}

// DeleteTrustProduct removes a product that is not under review.
func (h *Hub) DeleteTrustProduct(
	ctx context.Context, r server.DeleteTrustProductRequestObject,
) (server.DeleteTrustProductResponseObject, error) {
	accountSID := api.AccountSID(ctx)
	err := h.store.DeleteBundle(ctx, accountSID, trust.TrustProduct, r.SID, h.now(), func(p trust.Bundle) error {
		return p.Status.Deletable()
	})
	if err != nil {
		return nil, err
	}
	h.products.freed(accountSID)
	return server.DeleteTrustProduct204Response{}, nil
}

// Authenticate is an api.Config.Authenticate: the user name is the account SID, the password its auth token.
func (h *Hub) Authenticate(ctx context.Context, username, password string) (string, error) {
	account, err := h.known.account(ctx, username)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	// Hashes have one length, so that comparing takes the same time whatever was sent, and for an account that there is not.
	want, got := sha256.Sum256([]byte(account.AuthToken)), sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 || account.SID == "" {
		return "", api.ErrUnauthenticated
	}
	return account.SID, nil
}

// Health is an api.Config.Health.
func (h *Hub) Health(ctx context.Context) error { return h.store.Health(ctx, h.now()) }

// MapError is an api.Config.MapError.
func MapError(err error) *api.Error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return api.NewError(api.CodeNotFound, "", err)
	case errors.Is(err, store.ErrKeyReused):
		return api.NewError(api.CodeConflict, "The Idempotency-Key was used with another body", err)
	case errors.Is(err, trust.ErrStatusChange):
		return api.NewError(api.CodeInvalidState, "User cannot perform this status update", err)
	case errors.Is(err, trust.ErrNotDeletable):
		return api.NewError(api.CodeInvalidState, "The Trust Product is under review and cannot be deleted", err)
	case errors.Is(err, trust.ErrNotEditable):
		return api.NewError(api.CodeInvalidState, "The Trust Product is in an immutable state and cannot be edited", err)
	case errors.Is(err, store.ErrUnavailable):
		unavailable := api.NewError(api.CodeUnavailable, "", err)
		if !errors.Is(err, store.ErrUncertain) { // Retry-After promises that the request has not run
			unavailable.RetryAfter = time.Second
		}
		return unavailable
	}
	return nil
}
