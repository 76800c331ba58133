package trust_test

import (
	"errors"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

func TestFreeze(t *testing.T) {
	frozen := map[trust.Status]bool{
		trust.Draft: false, trust.PendingReview: true, trust.InReview: true, trust.TwilioRejected: false, trust.TwilioApproved: true,
	}
	for _, status := range trust.Statuses() {
		want, known := frozen[status]
		if !known {
			t.Fatalf("%s: no expectation", status)
		}
		if err := status.AssignmentsFrozen(); errors.Is(err, trust.ErrAssignmentsFrozen) != want || (err != nil) != want {
			t.Errorf("%s: AssignmentsFrozen() = %v, want frozen: %t", status, err, want)
		}
		for _, statuses := range [][]trust.Status{{status}, {trust.Draft, status}, {status, trust.TwilioRejected}} {
			_, refused := errors.AsType[*trust.FrozenError](trust.UpdateEndUser.Allowed(statuses))
			if refused != want {
				t.Errorf("a change to an object of bundles in %s: refused: %t, want %t", statuses, refused, want)
			}
		}
	}
	if err := trust.DeleteEndUser.Allowed(nil); err != nil {
		t.Errorf("an object that is assigned to no bundle: %v", err)
	}
	const seen = "Cannot update end-user. A bundle it belongs to is in an immutable state."
	if err := trust.UpdateEndUser.Allowed([]trust.Status{trust.InReview}); err == nil || err.Error() != seen {
		t.Errorf("got %v, want %s", err, seen)
	}
}
