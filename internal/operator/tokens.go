package operator

import (
	"context"
	"errors"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// RotateAccountToken gives an account a secondary token and shows it, as no other response does.
func (o *Operator) RotateAccountToken(
	ctx context.Context, r server.RotateAccountTokenRequestObject,
) (server.RotateAccountTokenResponseObject, error) {
	token, err := o.RotateToken(ctx, r.AccountSID, valueOf(r.Params.Replace))
	if err != nil {
		return nil, err
	}
	return server.RotateAccountToken200JSONResponse{AccountSID: r.AccountSID, SecondaryAuthToken: token}, nil
}

// PromoteAccountToken ends the primary token of an account, in favor of the secondary one.
func (o *Operator) PromoteAccountToken(
	ctx context.Context, r server.PromoteAccountTokenRequestObject,
) (server.PromoteAccountTokenResponseObject, error) {
	a, err := o.PromoteToken(ctx, r.AccountSID)
	if err != nil {
		return nil, err
	}
	return server.PromoteAccountToken200JSONResponse(presentAccount(a)), nil
}

// RotateToken gives an account a new secondary token and returns it. The error is an *api.Error if the account has one that is
// not to be replaced.
func (o *Operator) RotateToken(ctx context.Context, accountSID string, replace bool) (token string, err error) {
	token = trust.NewAuthToken()
	err = o.store.RotateToken(ctx, accountSID, token, replace)
	if errors.Is(err, store.ErrSecondaryToken) {
		err = api.NewError(api.CodeInvalidState, "The account has a secondary auth token already; promote or replace it", err)
	}
	return token, err
}

// PromoteToken makes the secondary token of an account its primary one. The error is an *api.Error if it has none.
func (o *Operator) PromoteToken(ctx context.Context, accountSID string) (store.Account, error) {
	a, err := o.store.PromoteToken(ctx, accountSID)
	if errors.Is(err, store.ErrNoSecondaryToken) {
		err = api.NewError(api.CodeInvalidState, "The account has no secondary auth token to promote; rotate first", err)
	}
	return a, err
}
