package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
)

var (
	errNotFound  = errors.New("the account has no such product")
	errNoReview  = errors.New("this backend has no review: a draft stays a draft")
	errKeyReused = errors.New("the idempotency key was used with another body")
)

// backend implements server.StrictServerInterface. Operations that are added to the contract return status 501 until they are
// implemented here.
type backend struct {
	server.Unimplemented

	now func() time.Time

	mu       sync.Mutex
	made     int                // the number of products created so far
	products []gen.TrustProduct // the oldest first; their SIDs ascend
	creates  map[string]create  // by account and Idempotency-Key
}

type create struct {
	body   gen.CreateTrustProductRequest
	answer gen.TrustProduct
}

var _ server.StrictServerInterface = (*backend)(nil)

func newBackend(now func() time.Time) *backend {
	return &backend{now: now, creates: map[string]create{}}
}

// CreateTrustProduct stores a draft.
func (b *backend) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Params.IdempotencyKey == nil {
		return server.CreateTrustProduct201JSONResponse{Body: b.add(ctx, *r.Body)}, nil
	}
	key := api.AccountSID(ctx) + " " + *r.Params.IdempotencyKey
	earlier, repeated := b.creates[key]
	switch {
	case !repeated:
		earlier = create{*r.Body, b.add(ctx, *r.Body)}
		b.creates[key] = earlier
	case !reflect.DeepEqual(earlier.body, *r.Body):
		return nil, errKeyReused
	}
	return server.CreateTrustProduct201JSONResponse{Body: earlier.answer}, nil
}

// FetchTrustProduct returns a product.
func (b *backend) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ctx, r.SID)
	if err != nil {
		return nil, err
	}
	return server.FetchTrustProduct200JSONResponse{Body: b.products[i]}, nil
}

// UpdateTrustProduct sets the fields that the request contains.
func (b *backend) UpdateTrustProduct(
	ctx context.Context, r server.UpdateTrustProductRequestObject,
) (server.UpdateTrustProductResponseObject, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ctx, r.SID)
	if err != nil {
		return nil, err
	}
	p := b.products[i]
	if r.Body.Status != nil && *r.Body.Status != p.Status {
		return nil, errNoReview
	}
	p.FriendlyName = *either(r.Body.FriendlyName, &p.FriendlyName)
	p.Email = *either(r.Body.Email, &p.Email)
	p.StatusCallback = unlessEmpty(either(r.Body.StatusCallback, p.StatusCallback))
	if !reflect.DeepEqual(p, b.products[i]) {
		p.DateUpdated = b.now().UTC().Truncate(time.Second)
	}
	b.products[i] = p
	return server.UpdateTrustProduct200JSONResponse{Body: p}, nil
}

// DeleteTrustProduct removes a product.
func (b *backend) DeleteTrustProduct(
	ctx context.Context, r server.DeleteTrustProductRequestObject,
) (server.DeleteTrustProductResponseObject, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, err := b.find(ctx, r.SID)
	if err != nil {
		return nil, err
	}
	b.products = slices.Delete(b.products, i, i+1)
	return server.DeleteTrustProduct204Response{}, nil
}

// find returns the index of a product of the calling account.
func (b *backend) find(ctx context.Context, sid string) (int, error) {
	i := slices.IndexFunc(b.products, func(p gen.TrustProduct) bool {
		return p.SID == sid && p.AccountSID == api.AccountSID(ctx)
	})
	if i < 0 {
		return 0, errNotFound
	}
	return i, nil
}

// add adds a product with the fields of the request.
func (b *backend) add(ctx context.Context, body gen.CreateTrustProductRequest) gen.TrustProduct {
	b.made++
	now := b.now().UTC().Truncate(time.Second)
	sid := fmt.Sprintf("BU%032x", b.made)
	url := api.BaseURL(ctx) + "/v1/TrustProducts/" + sid
	p := gen.TrustProduct{
		SID: sid, AccountSID: api.AccountSID(ctx), PolicySID: body.PolicySID, FriendlyName: body.FriendlyName,
		Email: body.Email, StatusCallback: unlessEmpty(body.StatusCallback), Status: gen.BundleStatusDraft,
		DateCreated: now, DateUpdated: now, URL: url,
		Links: gen.TrustProductLinks{
			TrustProductsEntityAssignments:         url + "/EntityAssignments",
			TrustProductsEvaluations:               url + "/Evaluations",
			TrustProductsChannelEndpointAssignment: url + "/ChannelEndpointAssignments",
		},
	}
	b.products = append(b.products, p)
	return p
}

// either returns the requested value, or the current one if the request has no value.
func either(asked, present *string) *string {
	if asked != nil {
		return asked
	}
	return present
}

// unlessEmpty returns nil for an empty URL, which means none.
func unlessEmpty(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}
