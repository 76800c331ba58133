package operator

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListAPIKey returns a page of the keys of an account, without their secrets.
func (o *Operator) ListAPIKey(
	ctx context.Context, r server.ListAPIKeyRequestObject,
) (server.ListAPIKeyResponseObject, error) {
	p, err := newPage(gen.NewListAPIKeyRequest(api.BaseURL(ctx), r.AccountSID, &r.Params))
	if err != nil {
		return nil, err
	}
	after, err := p.id()
	if err != nil {
		return nil, err
	}
	if _, err := o.store.Account(ctx, r.AccountSID); err != nil {
		return nil, err
	}
	all, err := o.store.APIKeys(ctx, r.AccountSID, after, p.size+1)
	if err != nil {
		return nil, err
	}
	keys, meta := present(p, "keys", all, func(k store.APIKey) gen.APIKey {
		return gen.APIKey{
			SID: k.SID, AccountSID: k.AccountSID, FriendlyName: k.FriendlyName, DateCreated: wholeSeconds(k.Created),
		}
	}, func(k store.APIKey) string { return k.SID })
	return server.ListAPIKey200JSONResponse{Keys: keys, Meta: meta}, nil
}

// CreateAPIKey stores a new key and shows its secret, as no other response does.
func (o *Operator) CreateAPIKey(
	ctx context.Context, r server.CreateAPIKeyRequestObject,
) (server.CreateAPIKeyResponseObject, error) {
	k, secret := NewAPIKey(r.AccountSID, valueOf(r.Body.FriendlyName), o.now())
	if err := o.store.AddAPIKey(ctx, k, secret); err != nil {
		return nil, err
	}
	return server.CreateAPIKey201JSONResponse{
		SID: k.SID, AccountSID: k.AccountSID, FriendlyName: k.FriendlyName, DateCreated: wholeSeconds(k.Created), Secret: secret,
	}, nil
}

// DeleteAPIKey removes a key.
func (o *Operator) DeleteAPIKey(
	ctx context.Context, r server.DeleteAPIKeyRequestObject,
) (server.DeleteAPIKeyResponseObject, error) {
	if err := o.store.RemoveAPIKey(ctx, r.SID); err != nil {
		return nil, err
	}
	return server.DeleteAPIKey204Response{}, nil
}

// NewAPIKey returns a key with a new SID, and its secret, which has the form of an auth token.
func NewAPIKey(accountSID, name string, now time.Time) (k store.APIKey, secret string) {
	return store.APIKey{
		SID: trust.NewSID(trust.APIKeyPrefix, now), AccountSID: accountSID, FriendlyName: name, Created: now,
	}, trust.NewAuthToken()
}
