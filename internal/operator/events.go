package operator

import (
	"context"
	"strconv"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListBundleEvent returns a page of the history of a bundle.
func (o *Operator) ListBundleEvent(
	ctx context.Context, r server.ListBundleEventRequestObject,
) (server.ListBundleEventResponseObject, error) {
	p, err := newPage(gen.NewListBundleEventRequest(api.BaseURL(ctx), r.BundleSID, &r.Params))
	if err != nil {
		return nil, err
	}
	after, err := p.sequence()
	if err != nil {
		return nil, err
	}
	all, err := o.store.History(ctx, r.BundleSID, store.HistoryPage{
		Newest: valueOf(r.Params.Order) != gen.ListBundleEventParamsOrderAsc, After: after, Limit: p.size + 1,
	})
	if err != nil {
		return nil, err
	}
	events, meta := present(p, "events", all, presentEvent, func(e trust.Event) string { return strconv.FormatInt(e.Number, 10) })
	return server.ListBundleEvent200JSONResponse{Events: events, Meta: meta}, nil
}

func presentEvent(e trust.Event) gen.Event {
	return gen.Event{
		BundleSID: e.BundleSID, Kind: gen.BundleKind(e.BundleKind), AccountSID: e.AccountSID, Number: e.Number,
		Type: gen.EventType(e.Type), Actor: string(e.By), RequestID: orNull(e.RequestID), DateCreated: wholeSeconds(e.At),
		FromStatus: orNull(gen.BundleStatus(e.From)), ToStatus: orNull(gen.BundleStatus(e.To)),
		Fields: append([]string{}, e.Fields...), Errors: append([]int{}, e.Errors...), ObjectSID: orNull(e.ObjectSID),
	}
}
