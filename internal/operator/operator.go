// Package operator implements the operator API (api/operator/openapi.yaml) on a store: reviews, deliveries and accounts of all
// customers, and the control of a server in test mode. What the operator's commands of the program share with it is here, too:
// Decide and NewAccount.
//
// Package api validates and authenticates the requests, package trust decides what is allowed, and package store keeps the data.
package operator

import (
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Operator implements server.StrictServerInterface on a store.
type Operator struct {
	store   *store.Store
	policy  trust.Policy
	now     func() time.Time
	control *control.Control // nil outside test mode
}

var _ server.StrictServerInterface = (*Operator)(nil)

// New returns an operator of an open store. The policy is that of the server, and now its clock. Without a control, c is nil,
// and the operations of test mode return 404.
func New(s *store.Store, policy trust.Policy, now func() time.Time, c *control.Control) *Operator {
	return &Operator{s, policy, now, c}
}

// MapError is an api.Config.MapError.
func MapError(err error) *api.Error {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return api.NewError(api.CodeInvalidState, "The bundle "+status.Error(), err)
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

// valueOf returns the value of an optional parameter, empty without one.
func valueOf[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}
