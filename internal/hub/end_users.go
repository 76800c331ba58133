package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateEndUser stores an end user.
func (h *Hub) CreateEndUser(
	ctx context.Context, r server.CreateEndUserRequestObject,
) (server.CreateEndUserResponseObject, error) {
	user, err := h.endUsers.create(ctx, request{"CreateEndUser", r.Params.IdempotencyKey, r.Body},
		newObject[trust.EndUser](ctx, trust.EndUserPrefix, r.Body.FriendlyName, r.Body.Type, r.Body.Attributes, h.now()))
	return server.CreateEndUser201JSONResponse{Body: presentEndUser(ctx, user)}, err
}

// FetchEndUser returns an end user as it is.
func (h *Hub) FetchEndUser(ctx context.Context, r server.FetchEndUserRequestObject) (server.FetchEndUserResponseObject, error) {
	user, err := h.endUsers.Fetch(ctx, ofAccount(ctx), r.SID)
	return server.FetchEndUser200JSONResponse{Body: presentEndUser(ctx, user)}, err
}

// ListEndUser returns a page of the account's end users.
func (h *Hub) ListEndUser(ctx context.Context, r server.ListEndUserRequestObject) (server.ListEndUserResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListEndUserRequest("", &r.Params)), "results",
		stored(h.endUsers.Resource, ofAccount(ctx)), presentEndUser)
	return server.ListEndUserResponseFunc(write), err
}

// UpdateEndUser changes an end user, unless a bundle that it is assigned to is frozen.
func (h *Hub) UpdateEndUser(
	ctx context.Context, r server.UpdateEndUserRequestObject,
) (server.UpdateEndUserResponseObject, error) {
	user, err := updateObject(ctx, h.endUsers.Resource, trust.UpdateEndUser, r.SID,
		r.Body.FriendlyName, r.Body.Attributes, h.now())
	return server.UpdateEndUser200JSONResponse{Body: presentEndUser(ctx, user)}, err
}

// DeleteEndUser removes an end user and its assignments, unless a bundle that it is assigned to is frozen.
func (h *Hub) DeleteEndUser(
	ctx context.Context, r server.DeleteEndUserRequestObject,
) (server.DeleteEndUserResponseObject, error) {
	return server.DeleteEndUser204Response{}, deleteObject(ctx, h.endUsers, trust.DeleteEndUser, r.SID)
}

func presentEndUser(ctx context.Context, u trust.EndUser) gen.EndUser {
	return gen.EndUser{
		SID: u.SID, AccountSID: u.AccountSID, FriendlyName: u.FriendlyName, Type: u.Type, Attributes: u.Attributes,
		DateCreated: wholeSeconds(u.Created), DateUpdated: wholeSeconds(u.Updated),
		URL: api.BaseURL(ctx) + "/v1/EndUsers/" + u.SID,
	}
}
