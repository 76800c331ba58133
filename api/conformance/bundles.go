package conformance

import (
	"maps"
	"net/http"
	"slices"
)

// The statuses of a bundle.
const (
	draft          = "draft"
	pendingReview  = "pending-review"
	inReview       = "in-review"
	twilioRejected = "twilio-rejected"
	twilioApproved = "twilio-approved"
)

// bundleCases are about the properties that only bundles have.
func bundleCases() map[string][]testCase {
	all := map[string][]testCase{
		"create":    bundleCreateCases(),
		"update":    bundleUpdateCases(),
		"lifecycle": slices.Concat(submissionCases(), reviewCases()),
	}
	for group, cases := range all {
		for i := range cases {
			if cases[i].uses = createVerb; group != "create" {
				cases[i].uses = createVerb | fetchVerb | listVerb | updateVerb | deleteVerb
			}
		}
	}
	return all
}

// kindCases are about bundles of the other kind.
func kindCases(other *resource) []testCase {
	return []testCase{{name: "a bundle of the other kind is not found", uses: fetchVerb, run: func(s *suite) {
		others := s.of(other)
		if !others.can(createVerb) {
			s.Skip("this needs Create" + other.name + ", which is not implemented (Target.Unimplemented)")
		}
		o := others.create(nil)
		for _, one := range s.operationsOn(o.sid()) {
			s.do(one).refused(http.StatusNotFound, 20404)
		}
		if others.can(fetchVerb) {
			others.same("after the requests", o, others.fetch(o.sid()))
		}
	}}}
}

func bundleCreateCases() []testCase {
	return []testCase{
		{name: "a new bundle is a draft", run: func(s *suite) {
			o := s.create(nil)
			if o.text("status") != draft || o["valid_until"] != nil || o["errors"] != nil {
				s.Errorf("the status is %s, valid_until %s, errors %s", o.text("status"), o.text("valid_until"), o.text("errors"))
			}
			links, _ := o["links"].(map[string]any)
			paths := []string{"/ChannelEndpointAssignments", "/EntityAssignments", "/Evaluations"}
			for i, link := range slices.Sorted(maps.Keys(links)) { // sorted like the paths
				if want := o.text("url") + paths[i%len(paths)]; links[link] != want || len(links) != len(paths) {
					s.Errorf("link %s is %v, want %s", link, links[link], want)
				}
			}
		}},
		{name: "the reference page's request, whose Email is not an address", run: func(s *suite) {
			given := form{
				"Email": "email", "PolicySid": s.target.PolicySIDs[0], "FriendlyName": "friendly_name",
				"StatusCallback": "http://www.example.com",
			}
			s.expectGiven(s.create(given), given)
		}},
		{name: "a create ignores Status", run: func(s *suite) {
			if o := s.create(form{"Status": twilioApproved}); o.text("status") != draft {
				s.Errorf("the status is %s", o.text("status"))
			}
		}},
		{name: "an empty status callback means none", needs: needStandIn, run: func(s *suite) {
			if o := s.create(form{"StatusCallback": ""}); o["status_callback"] != nil {
				s.Errorf("status_callback is %s", o.text("status_callback"))
			}
		}},
	}
}

func bundleUpdateCases() []testCase {
	return []testCase{
		{name: "the reference page's request: all four fields", run: func(s *suite) {
			want := form{"Email": "string", "FriendlyName": "string", "Status": draft, "StatusCallback": "https://example.com"}
			s.expectGiven(s.update(s.create(nil).sid(), want).object(http.StatusOK), want)
		}},
		{name: "an empty status callback removes it", needs: needStandIn, run: func(s *suite) {
			o := s.create(form{"StatusCallback": "https://example.com/x"})
			if got := s.update(o.sid(), form{"StatusCallback": ""}).object(http.StatusOK); got["status_callback"] != nil {
				s.Errorf("status_callback is %s", got.text("status_callback"))
			}
		}},
		{name: "the account holder cannot approve a bundle", run: func(s *suite) {
			o := s.create(nil)
			s.update(o.sid(), form{"FriendlyName": "Other", "Status": twilioApproved}).refused(http.StatusBadRequest, 70002)
			s.same("after the refusal", o, s.fetch(o.sid()))
		}},
	}
}

// underReview reports whether a bundle is under review. The response to a submission may have either status.
func underReview(o object) bool {
	return slices.Contains([]string{pendingReview, inReview}, o.text("status"))
}

// held has the e-mail address with which a stand-in leaves the decision to a person.
func held() form { return form{"Email": "name+hold@example.com"} }

// submitted creates a bundle and submits it.
func (s *suite) submitted(differs form) object {
	s.Helper()
	o := s.update(s.create(differs).sid(), form{"Status": pendingReview}).object(http.StatusOK)
	if !underReview(o) {
		s.Fatalf("after the submission the status is %s", o.text("status"))
	}
	return o
}

// reviewed creates a bundle, submits it and waits for the review.
func (s *suite) reviewed(differs form, want string) object {
	s.Helper()
	sid := s.submitted(differs).sid()
	s.target.Advance(s.target.ReviewTime)
	o := s.fetch(sid)
	if o.text("status") != want {
		s.Fatalf("after the review the status is %s, want %s", o.text("status"), want)
	}
	return o
}
