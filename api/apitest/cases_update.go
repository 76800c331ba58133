package apitest

import (
	"net/http"

	"github.com/opentrusthub/trusthub/gen"
)

func updateCases() []conformanceCase {
	return []conformanceCase{
		{name: "it changes what it names and nothing else", run: updateOneByOne},
		{name: "the reference page's request: all four fields", run: func(s *suite) {
			p := s.create(nil)
			want := form{
				"Email": "string", "FriendlyName": "string", "Status": "draft", "StatusCallback": "https://example.com",
			}
			got := s.update(p.SID, want).product(http.StatusOK)
			if got.FriendlyName != want["FriendlyName"] || got.Email != want["Email"] ||
				text(got.StatusCallback) != want["StatusCallback"] || got.Status != gen.TrustProductStatusDraft {
				s.Errorf("it is now %+v", got)
			}
		}},
		{name: "an empty status callback removes it", needs: needStandIn, run: func(s *suite) {
			p := s.create(form{"StatusCallback": "https://example.com/x"})
			if got := s.update(p.SID, form{"StatusCallback": ""}).product(http.StatusOK); got.StatusCallback != nil {
				s.Errorf("it is %s", text(got.StatusCallback))
			}
		}},
		{name: "nothing, or nothing new, changes nothing", needs: needStandIn, run: func(s *suite) {
			p := s.create(nil)
			for _, nothing := range []form{nil, {"FriendlyName": p.FriendlyName, "Status": "draft"}, {"Nonsense": "1"}} {
				s.same("answered", p, s.update(p.SID, nothing).product(http.StatusOK))
			}
			s.same("fetched", p, s.fetch(p.SID))
		}},
		{name: "the account holder cannot approve", run: func(s *suite) {
			p := s.create(nil)
			s.update(p.SID, form{"FriendlyName": "Other", "Status": "twilio-approved"}).refused(http.StatusBadRequest, 70002)
			s.same("after the refusal", p, s.fetch(p.SID))
		}},
		{name: "an unknown status is refused, and what comes with it not done", run: func(s *suite) {
			p := s.create(nil)
			s.update(p.SID, form{"FriendlyName": "Other", "Status": "approved"}).refused(http.StatusBadRequest, 20001)
			s.same("after the refusal", p, s.fetch(p.SID))
		}},
		{name: "what is off the contract is refused", needs: needStandIn, run: updateRefusals},
		{name: "an unknown product is not found", run: func(s *suite) {
			s.update(unknownSID, form{"FriendlyName": "Other"}).refused(http.StatusNotFound, 20404)
		}},
	}
}

func updateOneByOne(s *suite) {
	p := s.create(form{"StatusCallback": "https://example.com/x"})
	for name, value := range (form{
		"FriendlyName": "Other", "Email": "other@example.com", "StatusCallback": "https://example.com/y",
	}) {
		got := s.update(p.SID, form{name: value}).product(http.StatusOK)
		if got.DateUpdated.Before(p.DateUpdated) {
			s.Errorf("%s: updated at %v, and before that at %v", name, got.DateUpdated, p.DateUpdated)
		}
		want := p
		want.DateUpdated = got.DateUpdated
		switch name {
		case "FriendlyName":
			want.FriendlyName = value
		case "Email":
			want.Email = value
		case "StatusCallback":
			want.StatusCallback = &value
		}
		s.same("after "+name, want, got)
		s.same("fetched after "+name, got, s.fetch(p.SID))
		p = got
	}
}

func updateRefusals(s *suite) {
	p := s.create(nil)
	path := productsPath + "/" + p.SID
	for what, one := range map[string]request{
		"an empty name":                {path: path, form: form{"FriendlyName": ""}},
		"an empty address":             {path: path, form: form{"Email": ""}},
		"an address with a line break": {path: path, form: form{"Email": "a@b.example\n", "FriendlyName": "Other"}},
		"an empty status":              {path: path, form: form{"Status": ""}},
		"a callback of another scheme": {path: path, form: form{"StatusCallback": "ftp://a.example/"}},
		"a field twice":                {path: path, body: "Status=draft&Status=pending-review"},
		"a status in the query":        {path: path + "?Status=bogus", form: form{"FriendlyName": "Other"}},
	} {
		one.method = http.MethodPost
		a := s.do(one)
		if a.status != http.StatusBadRequest {
			s.Errorf("%s: status %d, %s", what, a.status, a.body)
			continue
		}
		a.refused(http.StatusBadRequest, 20001)
	}
	s.same("after the refusals", p, s.fetch(p.SID))
}
