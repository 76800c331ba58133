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
			if err := trust.ObjectFrozen(statuses); errors.Is(err, trust.ErrObjectFrozen) != want || (err != nil) != want {
				t.Errorf("ObjectFrozen(%s) = %v, want frozen: %t", statuses, err, want)
			}
		}
	}
	if err := trust.ObjectFrozen(nil); err != nil {
		t.Errorf("an object that is assigned to no bundle: %v", err)
	}
}
