package operator

import (
	"context"
	"errors"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// MaxReplayed is how many deliveries ReplayAll queues at most, because it does so in one transaction.
const MaxReplayed = 1000

// ListDelivery returns a page of deliveries.
func (o *Operator) ListDelivery(
	ctx context.Context, r server.ListDeliveryRequestObject,
) (server.ListDeliveryResponseObject, error) {
	p, err := newPage(gen.NewListDeliveryRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	before, err := p.id()
	if err != nil {
		return nil, err
	}
	all, err := o.store.Deliveries(ctx, store.DeliveryFilter{
		BundleSID: valueOf(r.Params.BundleSID), Channel: trust.Channel(valueOf(r.Params.Channel)),
		State: store.State(valueOf(r.Params.State)), Endpoint: valueOf(r.Params.Endpoint), Before: before, Limit: p.size + 1,
	})
	if err != nil {
		return nil, err
	}
	deliveries, meta := present(p, "deliveries", all, presentDelivery, func(d store.Delivery) string { return d.Notice.ID })
	return server.ListDelivery200JSONResponse{Deliveries: deliveries, Meta: meta}, nil
}

// FetchDelivery returns a delivery.
func (o *Operator) FetchDelivery(
	ctx context.Context, r server.FetchDeliveryRequestObject,
) (server.FetchDeliveryResponseObject, error) {
	d, err := o.store.Delivery(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return server.FetchDelivery200JSONResponse{DeliveryJSONResponse: server.DeliveryJSONResponse(presentDelivery(d))}, nil
}

// ReplayDelivery queues a delivery again.
func (o *Operator) ReplayDelivery(
	ctx context.Context, r server.ReplayDeliveryRequestObject,
) (server.ReplayDeliveryResponseObject, error) {
	d, err := o.Replay(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return server.ReplayDelivery200JSONResponse{DeliveryJSONResponse: server.DeliveryJSONResponse(presentDelivery(d))}, nil
}

// DropDelivery gives up a delivery.
func (o *Operator) DropDelivery(
	ctx context.Context, r server.DropDeliveryRequestObject,
) (server.DropDeliveryResponseObject, error) {
	d, err := o.Drop(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return server.DropDelivery200JSONResponse{DeliveryJSONResponse: server.DeliveryJSONResponse(presentDelivery(d))}, nil
}

// Replay queues a delivery again and returns it. The error is an *api.Error if its bundle was deleted.
func (o *Operator) Replay(ctx context.Context, id string) (store.Delivery, error) {
	return o.changed(ctx, id, o.store.Replay(ctx, id, o.now()), "The bundle of the delivery was deleted")
}

// Drop gives up a delivery and returns it. The error is an *api.Error if it has already ended.
func (o *Operator) Drop(ctx context.Context, id string) (store.Delivery, error) {
	return o.changed(ctx, id, o.store.Drop(ctx, id, o.now()), "The delivery has already ended")
}

// changed returns a delivery after a change that ended with err. The store does not find a delivery that does not allow the
// change; refusal says why it does not.
func (o *Operator) changed(ctx context.Context, id string, err error, refusal string) (store.Delivery, error) {
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Delivery{}, err
	}
	d, fetchErr := o.store.Delivery(ctx, id)
	if fetchErr == nil && err != nil {
		return d, api.NewError(api.CodeInvalidState, refusal, err)
	}
	return d, fetchErr
}

// CreateReplay queues the deliveries again that match.
func (o *Operator) CreateReplay(
	ctx context.Context, r server.CreateReplayRequestObject,
) (server.CreateReplayResponseObject, error) {
	count, err := o.ReplayAll(ctx, store.DeliveryFilter{
		BundleSID: valueOf(r.Body.BundleSID), Channel: trust.Channel(valueOf(r.Body.Channel)),
		State: store.State(r.Body.State), Endpoint: valueOf(r.Body.Endpoint),
	})
	if err != nil {
		return nil, err
	}
	return server.CreateReplay200JSONResponse{Replayed: count}, nil
}

// ReplayAll queues up to MaxReplayed of the ended deliveries that match the filter again, and returns how many.
func (o *Operator) ReplayAll(ctx context.Context, f store.DeliveryFilter) (int, error) {
	f.Limit = MaxReplayed
	return o.store.ReplayAll(ctx, f, o.now())
}

func presentDelivery(d store.Delivery) gen.Delivery {
	shown := gen.Delivery{
		ID: d.Notice.ID, Channel: gen.Channel(d.Notice.Channel), Target: d.Notice.Target, Endpoint: d.Endpoint,
		AccountSID: d.Notice.AccountSID, BundleSID: d.Notice.BundleSID, Kind: gen.BundleKind(d.Notice.BundleKind),
		Status: gen.BundleStatus(d.Notice.Status), State: gen.DeliveryState(d.State), DateCreated: wholeSeconds(d.Notice.Created),
		NextAttempt: optional(d.Due), Attempts: make([]gen.Attempt, len(d.Attempts)),
	}
	for i, a := range d.Attempts {
		shown.Attempts[i] = gen.Attempt{
			DateStarted: wholeSeconds(a.Started), DurationMs: float64(a.Duration.Microseconds()) / 1000,
			Verdict: gen.AttemptVerdict(a.Verdict), Answer: a.Answer, Error: a.Error,
		}
		if a.StatusCode != 0 {
			shown.Attempts[i].StatusCode = &a.StatusCode
		}
	}
	return shown
}
