package operator

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/api"
	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// ListMessage returns a page of e-mails.
func (o *Operator) ListMessage(
	ctx context.Context, r server.ListMessageRequestObject,
) (server.ListMessageResponseObject, error) {
	p, err := newPage(gen.NewListMessageRequest(api.BaseURL(ctx), &r.Params))
	if err != nil {
		return nil, err
	}
	before, err := p.id()
	if err != nil {
		return nil, err
	}
	all, err := o.store.Deliveries(ctx, store.DeliveryFilter{
		AccountSID: valueOf(r.Params.AccountSID), BundleSID: valueOf(r.Params.BundleSID), Channel: trust.Email,
		Target: valueOf(r.Params.To), State: store.State(valueOf(r.Params.State)), Before: before, Limit: p.size + 1,
	})
	if err != nil {
		return nil, err
	}
	messages, meta := present(p, "messages", all, o.presentMessage, func(d store.Delivery) string { return d.Notice.ID })
	return server.ListMessage200JSONResponse{Messages: messages, Meta: meta}, nil
}

// FetchMessage returns an e-mail as it is sent.
func (o *Operator) FetchMessage(
	ctx context.Context, r server.FetchMessageRequestObject,
) (server.FetchMessageResponseObject, error) {
	d, err := o.store.Delivery(ctx, r.ID)
	switch {
	case err != nil:
		return nil, err
	case d.Notice.Channel != trust.Email:
		return nil, store.ErrNotFound
	}
	m := o.presentMessage(d)
	shown := server.FetchMessage200JSONResponse{
		ID: m.ID, AccountSID: m.AccountSID, BundleSID: m.BundleSID, Kind: m.Kind, Status: m.Status, State: m.State,
		Reason: m.Reason, DateCreated: m.DateCreated, DateSent: m.DateSent, From: m.From, To: m.To, Subject: m.Subject,
		Text: mail.Text(d.Notice),
	}
	if mail.IsAddress(d.Notice.Target) {
		raw, err := o.mails.Compose(d.Notice)
		if err != nil {
			return nil, err
		}
		shown.Raw = new(string(raw))
	}
	return shown, nil
}

func (o *Operator) presentMessage(d store.Delivery) gen.MessageSummary {
	shown := gen.MessageSummary{
		ID: d.Notice.ID, AccountSID: d.Notice.AccountSID, BundleSID: d.Notice.BundleSID,
		Kind: gen.BundleKind(d.Notice.BundleKind), Status: gen.BundleStatus(d.Notice.Status), State: gen.DeliveryState(d.State),
		DateCreated: wholeSeconds(d.Notice.Created), From: o.mails.From(), To: d.Notice.Target, Subject: mail.Subject(d.Notice),
	}
	var sent time.Time
	for _, a := range d.Attempts {
		if a.Verdict == trust.Delivered {
			sent = a.Started.Add(a.Duration)
		}
		shown.Reason = orNull(a.Error) // of the last one
	}
	shown.DateSent = optional(sent)
	return shown
}
