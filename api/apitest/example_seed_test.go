package apitest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// A test that starts where things become interesting: one product is in review, another was rejected. What they went through to
// get there was not reported.
func ExampleWithSeed() {} // testSeed is it

// testSeed would be a TestSeed in a package of yours. Here TestExamples runs it.
func testSeed(t *testing.T) {
	s := apitest.New(t, apitest.WithSeed(`
trust_products:
  - key: reviewed
    policy_sid: RN7a97559effdf62d00f4298208492a5ea
    friendly_name: Acme
    email: compliance@acme.example
    status_callback: https://acme.example/status
    status: in-review
  - key: rejected
    policy_sid: RN7a97559effdf62d00f4298208492a5ea
    friendly_name: Umbrella
    email: compliance@umbrella.example
    status: twilio-rejected
    codes: [18602]
`))
	s.Advance(time.Minute) // the review ends as usual
	if got := statuses(s.Callbacks()); !slices.Equal(got, []string{"twilio-approved"}) {
		t.Errorf("called back: %v", got)
	}
	c := newCaller(t, s)
	if p := c.fetch(s.SID("reviewed")); p.Status != "twilio-approved" {
		t.Errorf("the product in review is %s", p.Status)
	}
	if p := c.fetch(s.SID("rejected")); p.Status != "twilio-rejected" || len(p.Errors) != 1 || p.Errors[0].Code != 18602 {
		t.Errorf("the rejected product is %s with %v", p.Status, p.Errors)
	}
	c.submit(s.SID("rejected"))
}
