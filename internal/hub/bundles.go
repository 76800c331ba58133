package hub

import (
	"context"
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// bundlesOf is the scope of the caller's bundles of the kind.
func bundlesOf(ctx context.Context, kind trust.Kind) store.Scope {
	return store.BundlesOf(api.AccountSID(ctx), kind)
}

// requestedBy is the origin of what the request changes.
func requestedBy(ctx context.Context, now time.Time) trust.Origin {
	return trust.Origin{By: trust.AccountHolder, RequestID: api.RequestID(ctx), At: now}
}

// createBundle stores a draft of the kind. The forms of both kinds have the same fields.
func (h *Hub) createBundle(
	ctx context.Context, kind trust.Kind, r request, form gen.CreateTrustProductRequest,
) (trust.Bundle, error) {
	var callback string
	if form.StatusCallback != nil {
		callback = *form.StatusCallback
	}
	now := h.now()
	b := trust.NewBundle(kind, trust.NewSID(trust.BundlePrefix, now), api.AccountSID(ctx),
		form.PolicySID, form.FriendlyName, form.Email, callback, now)
	if err := b.Restricted(); err != nil {
		return b, err
	}
	return h.bundles[kind].create(ctx, r, b)
}

// fetchBundle returns the caller's bundle of the kind.
func (h *Hub) fetchBundle(ctx context.Context, kind trust.Kind, sid string) (trust.Bundle, error) {
	return h.store.Bundles.Fetch(ctx, bundlesOf(ctx, kind), sid)
}

// updateBundle makes the caller's change to a bundle of the kind, which may submit it. The forms of both kinds have the same
// fields.
func (h *Hub) updateBundle(
	ctx context.Context, kind trust.Kind, sid string, form gen.UpdateTrustProductRequest,
) (trust.Bundle, error) {
	change := trust.Change{
		FriendlyName:   form.FriendlyName,
		Email:          form.Email,
		StatusCallback: form.StatusCallback,
		Status:         (*trust.Status)(form.Status),
		RequestID:      api.RequestID(ctx),
		TraceParent:    api.TraceParent(ctx),
	}
	accountSID := api.AccountSID(ctx)
	var refused error // where the change queues notices
	if change.Status != nil {
		atMost := len(trust.Channels())
		if refused = h.openNotices.reserve(ctx, accountSID, atMost); refused == nil {
			defer h.openNotices.settle(accountSID, atMost)
		}
	}
	b, err := h.store.UpdateBundle(ctx, bundlesOf(ctx, kind), sid, func(b trust.Bundle) (trust.Outcome, error) {
		now := h.now()
		outcome, err := h.policy.Update(b, change, now, func(assigned trust.Assigned) trust.Evaluation {
			e := newEvaluation(accountSID, b.SID, b.PolicySID, now)
			e.Status, e.Results = catalog.Default().Evaluate(e.PolicySID, assigned)
			return e
		})
		if err == nil && len(outcome.Notices) > 0 && refused != nil {
			return trust.Outcome{}, refused
		}
		return outcome, err
	})
	return b, refusal(ctx, kind, err)
}

// deleteBundle removes a bundle of the kind that is not under review.
func (h *Hub) deleteBundle(ctx context.Context, kind trust.Kind, sid string) error {
	by := requestedBy(ctx, h.now())
	err := h.store.DeleteBundle(ctx, bundlesOf(ctx, kind), sid, by, func(b trust.Bundle, assignedTo []trust.Status) error {
		return errors.Join(b.Status.Deletable(), trust.DeleteBundle.Allowed(assignedTo))
	})
	if err == nil {
		h.bundles[kind].quota.release(api.AccountSID(ctx))
	}
	return refusal(ctx, kind, err)
}

// refusal returns the error of the API for a change to a bundle that was refused, with the name of the kind. It returns any other
// error as it is, for MapError.
func refusal(ctx context.Context, kind trust.Kind, err error) error {
	noncompliant, ok := errors.AsType[*trust.NoncompliantError](err)
	var reason string
	switch {
	case ok:
		reason = "does not comply with its policy, see its evaluation " + evaluationURL(ctx, kind, noncompliant.Evaluation)
	case errors.Is(err, trust.ErrNotDeletable):
		reason = "is under review and cannot be deleted"
	case errors.Is(err, trust.ErrNotEditable):
		reason = "is in an immutable state and cannot be edited"
	default:
		return err
	}
	return api.NewError(api.CodeInvalidState, "The "+kind.Name()+" "+reason, err)
}

// bundleURL is the URL of a bundle of the kind.
func bundleURL(ctx context.Context, kind trust.Kind, sid string) string {
	collection := "/v1/TrustProducts/"
	if kind == trust.CustomerProfile {
		collection = "/v1/CustomerProfiles/"
	}
	return api.BaseURL(ctx) + collection + sid
}

// Both kinds of bundles show these properties in the same way.

func presentCallback(b trust.Bundle) *string {
	if b.StatusCallback == "" {
		return nil
	}
	return &b.StatusCallback
}

func presentValidUntil(b trust.Bundle) *time.Time {
	if b.ValidUntil.IsZero() {
		return nil
	}
	until := wholeSeconds(b.ValidUntil)
	return &until
}

func presentErrors(b trust.Bundle) (shown []gen.BundleError) {
	for _, code := range b.Errors {
		shown = append(shown, gen.BundleError{Code: code})
	}
	return shown
}

// wholeSeconds returns a time as the API shows it: twilio-python does not parse times with a fraction.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
