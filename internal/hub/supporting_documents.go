package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// CreateSupportingDocument stores a supporting document.
func (h *Hub) CreateSupportingDocument(
	ctx context.Context, r server.CreateSupportingDocumentRequestObject,
) (server.CreateSupportingDocumentResponseObject, error) {
	document, err := h.documents.create(ctx, request{"CreateSupportingDocument", r.Params.IdempotencyKey, r.Body},
		newObject[trust.SupportingDocument](ctx, trust.SupportingDocumentPrefix,
			r.Body.FriendlyName, r.Body.Type, r.Body.Attributes, h.now()))
	return server.CreateSupportingDocument201JSONResponse{Body: presentDocument(ctx, document)}, err
}

// FetchSupportingDocument returns a supporting document as it is.
func (h *Hub) FetchSupportingDocument(
	ctx context.Context, r server.FetchSupportingDocumentRequestObject,
) (server.FetchSupportingDocumentResponseObject, error) {
	document, err := h.documents.Fetch(ctx, ofAccount(ctx), r.SID)
	return server.FetchSupportingDocument200JSONResponse{Body: presentDocument(ctx, document)}, err
}

// ListSupportingDocument returns a page of the account's supporting documents.
func (h *Hub) ListSupportingDocument(
	ctx context.Context, r server.ListSupportingDocumentRequestObject,
) (server.ListSupportingDocumentResponseObject, error) {
	write, err := openPage(ctx, h, requested(gen.NewListSupportingDocumentRequest("", &r.Params)), "results",
		stored(h.documents.Resource, ofAccount(ctx)), presentDocument)
	return server.ListSupportingDocumentResponseFunc(write), err
}

// UpdateSupportingDocument changes a supporting document, unless a bundle that it is assigned to is frozen.
func (h *Hub) UpdateSupportingDocument(
	ctx context.Context, r server.UpdateSupportingDocumentRequestObject,
) (server.UpdateSupportingDocumentResponseObject, error) {
	document, err := updateObject(ctx, h.documents.Resource, trust.UpdateSupportingDocument, r.SID,
		r.Body.FriendlyName, r.Body.Attributes, h.now())
	return server.UpdateSupportingDocument200JSONResponse{Body: presentDocument(ctx, document)}, err
}

// DeleteSupportingDocument removes a supporting document and its assignments, unless a bundle that it is assigned to is frozen.
func (h *Hub) DeleteSupportingDocument(
	ctx context.Context, r server.DeleteSupportingDocumentRequestObject,
) (server.DeleteSupportingDocumentResponseObject, error) {
	return server.DeleteSupportingDocument204Response{}, deleteObject(ctx, h.documents, trust.DeleteSupportingDocument, r.SID)
}

func presentDocument(ctx context.Context, d trust.SupportingDocument) gen.SupportingDocument {
	return gen.SupportingDocument{
		SID: d.SID, AccountSID: d.AccountSID, FriendlyName: d.FriendlyName, Type: d.Type, Attributes: d.Attributes,
		Status:      gen.SupportingDocumentStatusDraft, // nothing known moves it on
		DateCreated: wholeSeconds(d.Created), DateUpdated: wholeSeconds(d.Updated),
		URL: api.BaseURL(ctx) + "/v1/SupportingDocuments/" + d.SID,
	}
}
