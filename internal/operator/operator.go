// Package operator implements the operator API (api/operator/openapi.yaml) on a store and a log of requests: reviews,
// deliveries, e-mails, histories, requests and accounts of all customers, streams of what changes, and the control of a server in
// test mode. Local serves it within a process, without a server.
//
// Package api validates and authenticates the requests, package trust decides what is allowed, and package store keeps the data.
package operator

import (
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/eventstream"
	"github.com/opentrusthub/trusthub/internal/feed"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Operator implements server.StrictServerInterface on a store and a log of requests.
type Operator struct {
	store    *store.Store
	requests Requests
	mails    mail.Composer
	policy   trust.Policy
	now      func() time.Time
	control  *control.Control // nil outside test mode
	changes  *feed.Feed
	streams  *eventstream.Streams
	// unlogged says that requests come from within the process, and that no log or list has their ids.
	unlogged bool
}

var _ server.StrictServerInterface = (*Operator)(nil)

// New returns an operator of an open store, which must outlive its streams: see EndStreams. The composer, the policy and the
// clock are those of the server. Outside test mode, c is nil, and the operations of test mode must not be served: see
// api.Config.TestMode.
func New(
	s *store.Store, requests Requests, mails mail.Composer, policy trust.Policy, now func() time.Time, c *control.Control,
) *Operator {
	return &Operator{s, requests, mails, policy, now, c, feed.New(s), eventstream.New(eventstream.DefaultConfig()), false}
}

// EndStreams ends all streams, and has new ones refused. Call it when the server stops, which would wait for them otherwise.
func (o *Operator) EndStreams() { o.streams.Close() }

// MapError is an api.Config.MapError.
func MapError(err error) *api.Error {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return api.NewError(api.CodeInvalidState, "The bundle "+status.Error(), err)
	}
	if errors.Is(err, store.ErrTooManyAPIKeys) {
		return api.NewError(api.CodeInvalidParameter,
			fmt.Sprintf("The account has reached its limit of %d API keys; remove some first", store.MaxAPIKeys), err)
	}
	return hub.MapError(err)
}

// wholeSeconds returns a time as both APIs show it.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// optional returns a time for a property that is null without one.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	shown := wholeSeconds(t)
	return &shown
}

// orNull returns a value for a property that is null for the zero value.
func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// valueOf returns the value of an optional parameter, zero without one.
func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
