package trust_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestAdvance lets time go on from one due moment to the next, from submission until nothing happens by itself any more.
func TestAdvance(t *testing.T) {
	type moment struct {
		after  time.Duration // since submission
		status trust.Status
		errors []int
	}
	const (
		delay = 2 * time.Second
		year  = 365 * 24 * time.Hour
	)
	taken := moment{0, trust.InReview, nil}
	for _, test := range []struct {
		name, email string
		policy      trust.Policy
		want        []moment
	}{
		{"approved, and a year later expired", "a@b.example", automatic, []moment{
			taken, {delay, trust.TwilioApproved, nil}, {delay + year, trust.TwilioRejected, nil},
		}},
		{"rejected", "a+reject-18601@b.example", automatic, []moment{taken, {delay, trust.TwilioRejected, []int{18601}}}},
		{"rejected with two codes", "a+reject-18601-18602@b.example", automatic, []moment{
			taken, {delay, trust.TwilioRejected, []int{18601, 18602}},
		}},
		{"rejected slowly", "a+slow+reject-18609@b.example", automatic, []moment{
			taken, {10 * delay, trust.TwilioRejected, []int{18609}},
		}},
		{"held", "a+hold@b.example", automatic, []moment{taken}},
		{"a tag that is not understood", "a+reject-x+later@b.example", automatic, []moment{
			taken, {delay, trust.TwilioApproved, nil}, {delay + year, trust.TwilioRejected, nil},
		}},
		{"a tag in the domain has no effect", "a@b+hold.example", automatic, []moment{
			taken, {delay, trust.TwilioApproved, nil}, {delay + year, trust.TwilioRejected, nil},
		}},
		{"a text that is not an address has no tags", "Acme+hold", automatic, []moment{
			taken, {delay, trust.TwilioApproved, nil}, {delay + year, trust.TwilioRejected, nil},
		}},
		{"left to people", "a@b.example", manual, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := bundle(trust.Draft)
			p.Email = test.email
			outcome, err := test.policy.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, now)
			if err != nil {
				t.Fatal(err)
			}
			var got []moment
			for p = outcome.Bundle; !p.Due.IsZero(); p = outcome.Bundle {
				if early, err := test.policy.Advance(p, p.Due.Add(-1)); err != nil || early.Changed {
					t.Fatalf("before it is due: %+v, %v", early, err)
				}
				if outcome, err = test.policy.Advance(p, p.Due); err != nil || len(outcome.Notices) != 2 {
					t.Fatalf("%+v, %v", outcome, err)
				}
				got = append(got, moment{p.Due.Sub(now), outcome.Bundle.Status, outcome.Bundle.Errors})
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
		})
	}
}

// TestReviewHandedToPeople changes the policy while a bundle is in an automatic review.
func TestReviewHandedToPeople(t *testing.T) {
	p := bundle(trust.InReview)
	p.Due = now
	outcome, err := manual.Advance(p, now)
	if err != nil || outcome.Bundle.Status != trust.InReview || !outcome.Bundle.Due.IsZero() || !outcome.Changed {
		t.Errorf("got %+v, %v", outcome, err)
	}
}

// TestReschedule sets the clock back by an hour during a review: it must take no longer than its delay from then on.
func TestReschedule(t *testing.T) {
	const delay = 2 * time.Second
	back := now.Add(-time.Hour)
	for _, test := range []struct {
		name, email string
		policy      trust.Policy
		status      trust.Status
		due, want   time.Time
	}{
		{"not taken into review yet", "a@b.example", automatic, trust.PendingReview, now, back},
		{"in review", "a@b.example", automatic, trust.InReview, now.Add(delay), back.Add(delay)},
		{"in a slow review", "a+slow@b.example", automatic, trust.InReview, now, back.Add(10 * delay)},
		{"due within its delay", "a@b.example", automatic, trust.InReview, back.Add(delay), back.Add(delay)},
		{"overdue", "a@b.example", automatic, trust.InReview, back.Add(-time.Minute), back.Add(-time.Minute)},
		{"approved", "a@b.example", automatic, trust.TwilioApproved, now.Add(time.Hour), now.Add(time.Hour)},
		{"left to people", "a@b.example", manual, trust.InReview, now, now},
		{"on hold", "a+hold@b.example", automatic, trust.InReview, time.Time{}, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := bundle(test.status)
			p.Email, p.Due = test.email, test.due
			want := trust.Outcome{Bundle: p, Changed: !test.want.Equal(test.due)}
			want.Bundle.Due = test.want
			if got := test.policy.Reschedule(p, back); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFailureReason(t *testing.T) {
	for _, test := range []struct {
		status trust.Status
		errors []int
		want   string
	}{
		{trust.TwilioApproved, nil, ""},
		{trust.TwilioRejected, nil, "The approval has expired."},
		{
			trust.TwilioRejected,
			[]int{18602, 11001},
			"18602: The business registration number could not be verified. 11001: The business could not be verified.",
		},
	} {
		if got := (trust.Notice{Status: test.status, Errors: test.errors}).FailureReason(); got != test.want {
			t.Errorf("%s %v: got %q", test.status, test.errors, got)
		}
	}
}
