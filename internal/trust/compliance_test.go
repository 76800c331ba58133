package trust_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// found is an evaluation whose failed results have these codes.
func found(codes ...int) trust.Evaluation {
	e := trust.Evaluation{SID: "EL00000000000000000000000000000001", Status: trust.Compliant, Results: []trust.Result{{Passed: true}}}
	for _, code := range codes {
		e.Status = trust.Noncompliant
		e.Results = append(e.Results, trust.Result{ErrorCode: &code})
	}
	return e
}

func enforcing(policy trust.Policy, how trust.Enforcement) trust.Policy {
	policy.Compliance = how
	return policy
}

// TestSubmission submits bundles that comply and others under every policy.
func TestSubmission(t *testing.T) {
	compliant, lacking := found(), found(22216, 22214)
	for name, c := range map[string]struct {
		policy     trust.Policy
		evaluation trust.Evaluation

		kept    bool // the evaluation
		refused bool
		code    int // to be rejected with
	}{
		"by default":             {policy: automatic, evaluation: lacking},
		"off":                    {policy: enforcing(automatic, trust.EnforceOff), evaluation: lacking},
		"refuse":                 {policy: enforcing(automatic, trust.EnforceRefuse), evaluation: lacking, kept: true, refused: true},
		"refuse, people review":  {policy: enforcing(manual, trust.EnforceRefuse), evaluation: lacking, kept: true, refused: true},
		"refuse, but compliant":  {policy: enforcing(manual, trust.EnforceRefuse), evaluation: compliant, kept: true},
		"reject":                 {policy: enforcing(automatic, trust.EnforceReject), evaluation: lacking, kept: true, code: 22216},
		"reject, people review":  {policy: enforcing(manual, trust.EnforceReject), evaluation: lacking},
		"reject, but compliant":  {policy: enforcing(automatic, trust.EnforceReject), evaluation: compliant, kept: true},
		"reject, without a code": {policy: enforcing(automatic, trust.EnforceReject), evaluation: found(0), kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []trust.Status{trust.Draft, trust.TwilioRejected} {
				b := bundle(from)
				change := trust.Change{Status: new(trust.PendingReview), FriendlyName: new("Acme Ltd."), RequestID: "RQ1"}
				want, err := c.policy.Apply(b, change, trust.AccountHolder, now)
				if err != nil {
					t.Fatal(err)
				}
				want.Bundle.Noncompliance = c.code
				if c.refused {
					want = trust.Outcome{Bundle: b, Refused: &trust.NoncompliantError{Evaluation: c.evaluation}}
				}
				if c.kept {
					want.Evaluation = &c.evaluation
					want.Events = slices.Insert(want.Events, 0, trust.Event{
						Origin: trust.Origin{By: trust.AccountHolder, RequestID: "RQ1", At: now}, Type: trust.EventEvaluated,
						ObjectSID: c.evaluation.SID,
					})
				}
				if got := update(t, c.policy, b, change, c.evaluation); !reflect.DeepEqual(got, want) {
					t.Errorf("from %s:\ngot  %+v\nwant %+v", from, got, want)
				}
			}
		})
	}
}

// update is Policy.Update with the verdict of its Judge, if it has one.
func update(t *testing.T, policy trust.Policy, b trust.Bundle, c trust.Change, e trust.Evaluation) trust.Outcome {
	t.Helper()
	assigned := trust.Assigned{Bundles: []trust.Bundle{bundle(trust.InReview)}}
	outcome, err := policy.Update(b, c, now, func(got trust.Assigned) trust.Evaluation {
		if !reflect.DeepEqual(got, assigned) {
			t.Errorf("evaluated is %+v", got)
		}
		return e
	})
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Judge != nil {
		outcome = outcome.Judge(assigned)
	}
	return outcome
}

// TestNoSubmission makes changes that submit nothing: they are those of Apply, and nothing is evaluated.
func TestNoSubmission(t *testing.T) {
	for _, policy := range []trust.Policy{enforcing(automatic, trust.EnforceRefuse), enforcing(automatic, trust.EnforceReject)} {
		for _, from := range trust.Statuses() {
			for name, c := range map[string]trust.Change{
				"nothing": {}, "a repeat": {Status: new(from)}, "an edit": {FriendlyName: new("Acme Ltd."), RequestID: "RQ1"}, "an approval": {Status: new(trust.TwilioApproved)},
			} {
				want, wantErr := policy.Apply(bundle(from), c, trust.AccountHolder, now)
				got, err := policy.Update(bundle(from), c, now, func(trust.Assigned) trust.Evaluation { panic("evaluated") })
				if !errors.Is(err, wantErr) || !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s: %+v, %v\nwant %+v, %v", from, name, got, err, want, wantErr)
				}
			}
		}
	}
}

// TestNoncomplianceIsDecided follows what a submission found through the review that it leads to.
func TestNoncomplianceIsDecided(t *testing.T) {
	const delay = 2 * time.Second
	rejecting := enforcing(automatic, trust.EnforceReject)
	for name, c := range map[string]struct {
		email  string
		policy trust.Policy // of the review
		after  time.Duration
		want   []int
	}{
		"rejected":                      {"a@b.example", rejecting, delay, []int{22214}},
		"with the codes of the address": {"a+reject-18601@b.example", rejecting, delay, []int{22214, 18601}},
		"no code twice":                 {"a+reject-22214@b.example", rejecting, delay, []int{22214}},
		"slowly":                        {"a+slow@b.example", rejecting, 10 * delay, []int{22214}},
		"enforced no more":              {"a@b.example", automatic, delay, []int{22214}},
	} {
		t.Run(name, func(t *testing.T) {
			b := bundle(trust.Draft)
			b.Email = c.email
			b = update(t, rejecting, b, trust.Change{Status: new(trust.PendingReview)}, found(22214)).Bundle
			for range 2 {
				outcome, err := c.policy.Advance(b, b.Due)
				if err != nil {
					t.Fatal(err)
				}
				b = outcome.Bundle
			}
			if b.Status != trust.TwilioRejected || !slices.Equal(b.Errors, c.want) || b.Updated.Sub(now) != c.after || b.Noncompliance != 0 {
				t.Errorf("%s with %v after %v, left over %d", b.Status, b.Errors, b.Updated.Sub(now), b.Noncompliance)
			}
			// Corrected and submitted again, it is approved.
			b.Email = "a@b.example"
			b = update(t, rejecting, b, trust.Change{Status: new(trust.PendingReview)}, found()).Bundle
			for range 2 {
				outcome, err := c.policy.Advance(b, b.Due)
				if err != nil {
					t.Fatal(err)
				}
				b = outcome.Bundle
			}
			if b.Status != trust.TwilioApproved {
				t.Errorf("in the end it is %s with %v", b.Status, b.Errors)
			}
		})
	}
}

// TestNoncomplianceWaitsForPeople holds a bundle that does not comply: nothing rejects it, and a person may approve it.
func TestNoncomplianceWaitsForPeople(t *testing.T) {
	rejecting := enforcing(automatic, trust.EnforceReject)
	b := bundle(trust.Draft)
	b.Email = "a+hold@b.example"
	b = update(t, rejecting, b, trust.Change{Status: new(trust.PendingReview)}, found(22214)).Bundle
	taken, err := rejecting.Advance(b, b.Due)
	if err != nil || taken.Bundle.Status != trust.InReview || !taken.Bundle.Due.IsZero() {
		t.Fatalf("%+v, %v", taken, err)
	}
	decided, err := rejecting.Decide(taken.Bundle, trust.Change{Status: new(trust.TwilioApproved)}, now)
	if err != nil || decided.Bundle.Status != trust.TwilioApproved || decided.Bundle.Noncompliance != 0 {
		t.Errorf("%+v, %v", decided, err)
	}
}
