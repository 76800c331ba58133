package hub

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// policies returns the known policies, as a list of the API.
func policies() constant[catalog.Policy] {
	return newConstant(func(p catalog.Policy) string { return p.SID }, catalog.Default().Policies()...)
}

// typesIn returns types, as a list of the API.
func typesIn(all []catalog.Type) constant[catalog.Type] {
	return newConstant(func(t catalog.Type) string { return t.SID }, all...)
}

// known returns what was looked up in the catalog, or store.ErrNotFound.
func known[T any](found T, ok bool) (T, error) {
	if !ok {
		return found, store.ErrNotFound
	}
	return found, nil
}

// ListPolicies returns a page of the policies.
func (h *Hub) ListPolicies(ctx context.Context, r server.ListPoliciesRequestObject) (server.ListPoliciesResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListPoliciesRequest("", &r.Params)), "results",
		policies().source(), presentPolicy)
	return server.ListPoliciesResponseFunc(write), err
}

// FetchPolicies returns a policy.
func (h *Hub) FetchPolicies(
	ctx context.Context, r server.FetchPoliciesRequestObject,
) (server.FetchPoliciesResponseObject, error) {
	policy, err := known(catalog.Default().Policy(r.SID))
	if err != nil {
		return nil, err
	}
	return server.FetchPolicies200JSONResponse{Body: presentPolicy(ctx, policy)}, nil
}

// ListEndUserType returns a page of the end user types.
func (h *Hub) ListEndUserType(
	ctx context.Context, r server.ListEndUserTypeRequestObject,
) (server.ListEndUserTypeResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListEndUserTypeRequest("", &r.Params)), "end_user_types",
		typesIn(catalog.Default().EndUserTypes()).source(), presentEndUserType)
	return server.ListEndUserTypeResponseFunc(write), err
}

// FetchEndUserType returns an end user type by its SID or machine name.
func (h *Hub) FetchEndUserType(
	ctx context.Context, r server.FetchEndUserTypeRequestObject,
) (server.FetchEndUserTypeResponseObject, error) {
	t, err := known(catalog.Default().EndUserType(r.SID))
	return server.FetchEndUserType200JSONResponse{Body: presentEndUserType(ctx, t)}, err
}

// ListSupportingDocumentType returns a page of the supporting document types.
func (h *Hub) ListSupportingDocumentType(
	ctx context.Context, r server.ListSupportingDocumentTypeRequestObject,
) (server.ListSupportingDocumentTypeResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListSupportingDocumentTypeRequest("", &r.Params)),
		"supporting_document_types", typesIn(catalog.Default().SupportingDocumentTypes()).source(), presentDocumentType)
	return server.ListSupportingDocumentTypeResponseFunc(write), err
}

// FetchSupportingDocumentType returns a supporting document type by its SID or machine name.
func (h *Hub) FetchSupportingDocumentType(
	ctx context.Context, r server.FetchSupportingDocumentTypeRequestObject,
) (server.FetchSupportingDocumentTypeResponseObject, error) {
	t, err := known(catalog.Default().SupportingDocumentType(r.SID))
	return server.FetchSupportingDocumentType200JSONResponse{Body: presentDocumentType(ctx, t)}, err
}

func presentPolicy(ctx context.Context, p catalog.Policy) gen.Policy {
	shown := gen.Policy{SID: p.SID, FriendlyName: p.FriendlyName, URL: api.BaseURL(ctx) + "/v1/Policies/" + p.SID}
	if err := json.Unmarshal(p.Requirements, &shown.Requirements); err != nil {
		panic(fmt.Sprintf("policy %s of the catalog: %v", p.SID, err)) // TestPolicies reads them all
	}
	return shown
}

func presentEndUserType(ctx context.Context, t catalog.Type) gen.EndUserType {
	return gen.EndUserType{
		SID: t.SID, MachineName: t.MachineName, FriendlyName: t.FriendlyName, Fields: presentFields(t.Fields),
		URL: api.BaseURL(ctx) + "/v1/EndUserTypes/" + t.SID,
	}
}

func presentDocumentType(ctx context.Context, t catalog.Type) gen.SupportingDocumentType {
	return gen.SupportingDocumentType{
		SID: t.SID, MachineName: t.MachineName, FriendlyName: t.FriendlyName, Fields: presentFields(t.Fields),
		URL: api.BaseURL(ctx) + "/v1/SupportingDocumentTypes/" + t.SID,
	}
}

func presentFields(fields []catalog.Field) gen.TypeFields {
	shown := gen.TypeFields{}
	for _, f := range fields {
		shown = append(shown, gen.TypeField{MachineName: f.MachineName, FriendlyName: f.FriendlyName, Constraint: f.Constraint})
	}
	return shown
}
