package trust_test

import (
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestPlace places a draft in each status. What is due next is what would be due after a change to the status.
func TestPlace(t *testing.T) {
	until := now.Add(time.Hour)
	for name, test := range map[string]struct {
		policy     trust.Policy
		email      string
		status     trust.Status
		codes      []int
		validUntil time.Time
		want       trust.Bundle // ValidUntil, Errors and Due
	}{
		"draft":               {automatic, "a@b", trust.Draft, nil, time.Time{}, trust.Bundle{}},
		"pending":             {automatic, "a@b", trust.PendingReview, nil, time.Time{}, trust.Bundle{Due: now}},
		"pending, for people": {manual, "a@b", trust.PendingReview, nil, time.Time{}, trust.Bundle{}},
		"in review":           {automatic, "a@b", trust.InReview, nil, time.Time{}, trust.Bundle{Due: now.Add(automatic.ReviewDelay)}},
		"on hold":             {automatic, "a+hold@b", trust.InReview, nil, time.Time{}, trust.Bundle{}},
		"approved": {
			automatic, "a@b", trust.TwilioApproved, nil,
			time.Time{},
			trust.Bundle{ValidUntil: now.Add(automatic.ValidFor), Due: now.Add(automatic.ValidFor)},
		},
		"approved until then": {automatic, "a@b", trust.TwilioApproved, nil, until, trust.Bundle{ValidUntil: until, Due: until}},
		"rejected":            {automatic, "a@b", trust.TwilioRejected, []int{18601}, time.Time{}, trust.Bundle{Errors: []int{18601}}},
		"expired":             {automatic, "a@b", trust.TwilioRejected, nil, until, trust.Bundle{ValidUntil: until}},
	} {
		t.Run(name, func(t *testing.T) {
			b := trust.NewBundle(trust.TrustProduct, "BU1", "AC1", "RN1", "Acme", test.email, "", now)
			got := test.policy.Place(b, test.status, test.codes, test.validUntil, now)
			if got.Status != test.status || !got.ValidUntil.Equal(test.want.ValidUntil) || !got.Due.Equal(test.want.Due) ||
				len(got.Errors) != len(test.want.Errors) || !got.Updated.Equal(got.Created) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
