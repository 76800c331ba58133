package trust_test

import (
	"errors"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

func TestPrimarySID(t *testing.T) {
	if got := trust.PrimarySID("AC7e577e577e577e577e577e577e577e57"); got != "BU7e577e577e577e577e577e577e577e57" {
		t.Errorf("got %s", got)
	}
}

// Only a profile of the Primary's policy is a Primary, and restricted.
func TestRestricted(t *testing.T) {
	const other = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
	for _, c := range []struct {
		kind   trust.Kind
		policy string
		want   error
	}{
		{trust.CustomerProfile, trust.PrimaryPolicySID, trust.ErrPrimary},
		{trust.CustomerProfile, other, nil},
		{trust.TrustProduct, trust.PrimaryPolicySID, nil},
		{trust.TrustProduct, other, nil},
	} {
		b := trust.NewBundle(c.kind, "BU1", "AC1", c.policy, "Acme", "", "", time.Time{})
		if got := b.Restricted(); !errors.Is(got, c.want) || b.IsPrimary() != (c.want != nil) {
			t.Errorf("%s of %s: %v, want %v", c.kind, c.policy, got, c.want)
		}
	}
}

// The account holder can change nothing of a Primary, whatever its status and whatever the change is, and time does not either.
func TestPrimaryNeverChanges(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	policy := trust.Policy{AutoReview: true, ValidFor: time.Hour}
	for _, status := range trust.Statuses() {
		b := trust.NewBundle(trust.CustomerProfile, "BU1", "AC1", trust.PrimaryPolicySID, "Acme", "", "", now)
		b.Status = status
		changes := []trust.Change{{}, {FriendlyName: new("Other")}, {FriendlyName: new("Acme")}, {Email: new("a")}, {StatusCallback: new("")}}
		for _, to := range trust.Statuses() {
			changes = append(changes, trust.Change{Status: new(to)})
		}
		for _, c := range changes {
			if outcome, err := policy.Apply(b, c, trust.AccountHolder, now); !errors.Is(err, trust.ErrPrimary) || outcome.Changed {
				t.Errorf("%s: %+v: %+v, %v", status, c, outcome, err)
			}
		}
	}
	b := trust.NewBundle(trust.CustomerProfile, "BU1", "AC1", trust.PrimaryPolicySID, "Acme", "", "", now)
	b.Status = trust.TwilioApproved
	for _, decision := range []trust.Change{{Status: new(trust.TwilioApproved)}, {Status: new(trust.TwilioRejected), Reasons: []int{18601}}} {
		if outcome, _ := policy.Decide(b, decision, now); outcome.Changed {
			t.Errorf("decided %+v", outcome)
		}
	}
	if outcome, err := policy.Advance(b, now.AddDate(100, 0, 0)); outcome.Changed || err != nil {
		t.Errorf("a century later: %+v, %v", outcome, err)
	}
}
