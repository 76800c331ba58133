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

// ListAccount returns a page of accounts, without their tokens.
func (o *Operator) ListAccount(
	ctx context.Context, r server.ListAccountRequestObject,
) (server.ListAccountResponseObject, error) {
	p, err := newPage(gen.NewListAccountRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	all, err := o.store.AccountsAfter(ctx, after, p.size+1)
	if err != nil {
		return nil, err
	}
	accounts, meta := present(p, "accounts", all, presentAccount,
		func(a store.Account) string { return placeToken(a.Created, a.SID) })
	return server.ListAccount200JSONResponse{Accounts: accounts, Meta: meta}, nil
}

// CreateAccount stores a new account and shows its token, as no other response does.
func (o *Operator) CreateAccount(
	ctx context.Context, _ server.CreateAccountRequestObject,
) (server.CreateAccountResponseObject, error) {
	a := NewAccount(o.now())
	if err := o.store.PutAccount(ctx, a); err != nil {
		return nil, err
	}
	return server.CreateAccount201JSONResponse{
		AccountSID: a.SID, PrimaryCustomerProfileSID: trust.PrimarySID(a.SID), DateCreated: wholeSeconds(a.Created),
		AuthToken: a.AuthToken,
	}, nil
}

// NewAccount returns an account with a new SID and token.
func NewAccount(now time.Time) store.Account {
	return store.Account{SID: trust.NewSID(trust.AccountPrefix, now), AuthToken: trust.NewAuthToken(), Created: now}
}

func presentAccount(a store.Account) gen.Account {
	return gen.Account{
		AccountSID: a.SID, PrimaryCustomerProfileSID: trust.PrimarySID(a.SID), DateCreated: wholeSeconds(a.Created),
		HasSecondaryAuthToken: a.HasSecondaryToken(),
	}
}
