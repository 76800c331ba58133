package hub

import (
	"context"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// updateBundle makes the caller's change to a bundle of the kind, which may submit it. It returns a *trust.NoncompliantError if
// the submission was refused.
func (h *Hub) updateBundle(ctx context.Context, kind trust.Kind, sid string, change trust.Change) (trust.Bundle, error) {
	accountSID := api.AccountSID(ctx)
	var refused error // where the change queues notices
	if change.Status != nil {
		atMost := len(trust.Channels())
		if refused = h.openNotices.reserve(ctx, accountSID, atMost); refused == nil {
			defer h.openNotices.settle(accountSID, atMost)
		}
	}
	return h.store.UpdateBundle(ctx, store.BundlesOf(accountSID, kind), sid, func(b trust.Bundle) (trust.Outcome, error) {
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
}
