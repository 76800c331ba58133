package trust_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// A decision is one step from wherever the bundle waits: what Apply makes of taking it into review and then of the decision.
func TestDecide(t *testing.T) {
	approve := trust.Change{Status: new(trust.TwilioApproved)}
	reject := trust.Change{Status: new(trust.TwilioRejected), Reasons: []int{18603}}
	for _, policy := range []trust.Policy{manual, automatic} {
		for _, decision := range []trust.Change{approve, reject} {
			for _, from := range []trust.Status{trust.PendingReview, trust.InReview} {
				want, err := policy.Apply(bundle(trust.InReview), decision, trust.Reviewer, now)
				if err != nil {
					t.Fatal(err)
				}
				if from == trust.PendingReview {
					taken, err := policy.Apply(bundle(from), trust.Change{Status: new(trust.InReview)}, trust.Reviewer, now)
					if err != nil {
						t.Fatal(err)
					}
					want.Notices = slices.Concat(taken.Notices, want.Notices)
					want.Events = slices.Concat(taken.Events, want.Events)
				}
				got, err := policy.Decide(bundle(from), decision, now)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s to %s:\ngot  %+v, error %v\nwant %+v", from, *decision.Status, got, err, want)
				}
			}
		}
	}
}

// What is not to be decided stays as it is, and a decision that cannot be made does not begin a review.
func TestDecideRefused(t *testing.T) {
	approve, reject := new(trust.TwilioApproved), new(trust.TwilioRejected)
	for _, c := range []struct {
		from     trust.Status
		decision trust.Change
		want     error
	}{
		{trust.Draft, trust.Change{Status: approve}, trust.ErrStatusChange},
		{trust.Draft, trust.Change{Status: reject, Reasons: []int{18601}}, trust.ErrStatusChange},
		{trust.PendingReview, trust.Change{Status: reject}, trust.ErrNoReason},
		{trust.InReview, trust.Change{Status: reject}, trust.ErrNoReason},
		{trust.PendingReview, trust.Change{Status: new(trust.Draft)}, trust.ErrStatusChange},
		{trust.TwilioRejected, trust.Change{Status: approve}, trust.ErrStatusChange},
		{trust.TwilioApproved, trust.Change{Status: reject, Reasons: []int{18601}}, trust.ErrStatusChange},
		{trust.TwilioRejected, trust.Change{Status: reject, Reasons: []int{18603}}, trust.ErrStatusChange},
		{trust.TwilioRejected, trust.Change{Status: reject, Reasons: []int{18601}}, trust.ErrStatusChange},
		{trust.TwilioRejected, trust.Change{Status: reject, Reasons: []int{18602, 18601, 18602}}, nil},
		{trust.TwilioApproved, trust.Change{Status: approve}, nil},
	} {
		got, err := manual.Decide(bundle(c.from), c.decision, now)
		if !errors.Is(err, c.want) || got.Changed || len(got.Notices) > 0 {
			t.Errorf("%s to %s for %v: %+v, error %v, want %v", c.from, *c.decision.Status, c.decision.Reasons, got, err, c.want)
		}
	}
}

// A code that is given twice is told once.
func TestDuplicateCodes(t *testing.T) {
	rejection := trust.Change{Status: new(trust.TwilioRejected), Reasons: []int{18603, 18601, 18603, 18601}}
	got, err := manual.Decide(bundle(trust.InReview), rejection, now)
	if want := []int{18603, 18601}; err != nil || !slices.Equal(got.Bundle.Errors, want) || !slices.Equal(got.Notices[0].Errors, want) {
		t.Errorf("got %v, told are %v, error %v", got.Bundle.Errors, got.Notices, err)
	}
}
