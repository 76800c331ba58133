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
	messages, meta := present(p, "messages", all, func(d store.Delivery) gen.MessageSummary {
		return presentMessage(o.Envelope(d))
	}, func(d store.Delivery) string { return d.Notice.ID })
	return server.ListMessage200JSONResponse{Messages: messages, Meta: meta}, nil
}

// FetchMessage returns an e-mail as it is sent.
func (o *Operator) FetchMessage(
	ctx context.Context, r server.FetchMessageRequestObject,
) (server.FetchMessageResponseObject, error) {
	message, err := o.Message(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	m := presentMessage(message.Envelope)
	return server.FetchMessage200JSONResponse{
		ID: m.ID, AccountSID: m.AccountSID, BundleSID: m.BundleSID, Kind: m.Kind, Status: m.Status, State: m.State,
		Reason: m.Reason, DateCreated: m.DateCreated, DateSent: m.DateSent, From: m.From, To: m.To, Subject: m.Subject,
		Text: message.Text, Raw: orNull(message.Raw),
	}, nil
}

// Envelope is an e-mail without its text.
type Envelope struct {
	Delivery      store.Delivery
	From, Subject string
	Sent          time.Time // zero if it was not
	Reason        string    // why the last attempt failed
}

// Message is an e-mail.
type Message struct {
	Envelope

	Text string
	Raw  string // as it is or would be sent, with its headers; empty if its recipient is not an address
}

// Message returns an e-mail, or store.ErrNotFound.
func (o *Operator) Message(ctx context.Context, id string) (Message, error) {
	d, err := o.store.Delivery(ctx, id)
	switch {
	case err != nil:
		return Message{}, err
	case d.Notice.Channel != trust.Email:
		return Message{}, store.ErrNotFound
	}
	m := Message{Envelope: o.Envelope(d), Text: mail.Text(d.Notice)}
	if mail.IsAddress(d.Notice.Target) {
		raw, err := o.mails.Compose(d.Notice)
		if err != nil {
			return Message{}, err
		}
		m.Raw = string(raw)
	}
	return m, nil
}

// Envelope returns the e-mail of a delivery by e-mail.
func (o *Operator) Envelope(d store.Delivery) Envelope {
	e := Envelope{Delivery: d, From: o.mails.From(), Subject: mail.Subject(d.Notice)}
	for _, a := range d.Attempts {
		if a.Verdict == trust.Delivered {
			e.Sent = a.Started.Add(a.Duration)
		}
		e.Reason = a.Error
	}
	return e
}

func presentMessage(e Envelope) gen.MessageSummary {
	d := e.Delivery
	return gen.MessageSummary{
		ID: d.Notice.ID, AccountSID: d.Notice.AccountSID, BundleSID: d.Notice.BundleSID,
		Kind: gen.BundleKind(d.Notice.BundleKind), Status: gen.BundleStatus(d.Notice.Status), State: gen.DeliveryState(d.State),
		DateCreated: wholeSeconds(d.Notice.Created), From: e.From, To: d.Notice.Target, Subject: e.Subject,
		Reason: orNull(e.Reason), DateSent: optional(e.Sent),
	}
}
