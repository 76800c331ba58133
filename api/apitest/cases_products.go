package apitest

import (
	"net/http"
	"strings"

	"github.com/opentrusthub/trusthub/gen"
)

func createCases() []conformanceCase {
	return []conformanceCase{
		{name: "a new product is a draft", run: newProductIsDraft},
		{name: "it keeps what it is given", run: func(s *suite) {
			const name, callback = "Café & Sons = 100% \"真\"", "https://example.com/status?a=b&c=d"
			p := s.create(form{"FriendlyName": name, "StatusCallback": callback, "PolicySid": s.target.PolicySIDs[1]})
			if p.FriendlyName != name || text(p.StatusCallback) != callback || p.PolicySID != s.target.PolicySIDs[1] {
				s.Errorf("it has name %q, callback %s, policy %s", p.FriendlyName, text(p.StatusCallback), p.PolicySID)
			}
		}},
		{name: "the reference page's request, whose Email is not an address", run: func(s *suite) {
			p := s.create(form{
				"Email": "email", "PolicySid": s.target.PolicySIDs[0], "FriendlyName": "friendly_name",
				"StatusCallback": "http://www.example.com",
			})
			if p.Email != "email" || p.FriendlyName != "friendly_name" || text(p.StatusCallback) != "http://www.example.com" {
				s.Errorf("it is %+v", p)
			}
		}},
		{name: "the same again is another product", run: func(s *suite) {
			name := form{"FriendlyName": s.draft()["FriendlyName"]}
			if first, second := s.create(name), s.create(name); first.SID == second.SID {
				s.Error("two creates made one product")
			}
		}},
		{name: "unknown parameters are ignored, a status too", run: func(s *suite) {
			if p := s.create(form{"Nonsense": "1", "Status": "twilio-approved"}); p.Status != gen.TrustProductStatusDraft {
				s.Errorf("its status is %s", p.Status)
			}
		}},
		{name: "an empty status callback is none", needs: needStandIn, run: func(s *suite) {
			if p := s.create(form{"StatusCallback": ""}); p.StatusCallback != nil {
				s.Errorf("it is %s", text(p.StatusCallback))
			}
		}},
		{name: "a content type may name its charset", run: func(s *suite) {
			p := s.do(request{
				method: http.MethodPost, path: productsPath, form: s.draft(),
				header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
			}).product(http.StatusCreated)
			s.deleteAfterwards(p.SID)
		}},
		{name: "what is required must be there", run: func(s *suite) {
			for _, name := range []string{"FriendlyName", "Email", "PolicySid"} {
				incomplete := s.draft()
				delete(incomplete, name)
				a := s.do(request{method: http.MethodPost, path: productsPath, form: incomplete})
				a.refused(http.StatusBadRequest, 20001)
				if s.target.StandIn && !strings.Contains(string(a.body), name) {
					s.Errorf("without %s the message does not name it: %s", name, a.body)
				}
			}
		}},
		{name: "what is off the contract is refused", needs: needStandIn, run: createRefusals},
	}
}

func newProductIsDraft(s *suite) {
	want := s.draft()
	p := s.create(want)
	switch {
	case p.Status != gen.TrustProductStatusDraft:
		s.Errorf("its status is %s", p.Status)
	case p.AccountSID != s.target.AccountSID:
		s.Errorf("it belongs to %s", p.AccountSID)
	case p.FriendlyName != want["FriendlyName"] || p.Email != want["Email"] || p.PolicySID != want["PolicySid"]:
		s.Errorf("it has name %q, e-mail %q, policy %s", p.FriendlyName, p.Email, p.PolicySID)
	case p.StatusCallback != nil || p.ValidUntil != nil || p.Errors != nil:
		s.Errorf("callback %s, valid until %v, errors %v: a draft has none", text(p.StatusCallback), p.ValidUntil, p.Errors)
	case p.DateCreated.IsZero() || !p.DateUpdated.Equal(p.DateCreated):
		s.Errorf("created at %v, updated at %v", p.DateCreated, p.DateUpdated)
	case !strings.HasSuffix(p.URL, productsPath+"/"+p.SID):
		s.Errorf("its URL is %s", p.URL)
	}
	for path, link := range map[string]string{
		"/EntityAssignments":          p.Links.TrustProductsEntityAssignments,
		"/Evaluations":                p.Links.TrustProductsEvaluations,
		"/ChannelEndpointAssignments": p.Links.TrustProductsChannelEndpointAssignment,
	} {
		if link != p.URL+path {
			s.Errorf("a link is %s, want %s", link, p.URL+path)
		}
	}
}

func createRefusals(s *suite) {
	draft := s.draft()
	for what, one := range map[string]request{
		"an empty name":                {form: draft.with(form{"FriendlyName": ""})},
		"an empty address":             {form: draft.with(form{"Email": ""})},
		"an address with a line break": {form: draft.with(form{"Email": "a@b.example\r\nBcc: c@d.example"})},
		"an address that is too long":  {form: draft.with(form{"Email": strings.Repeat("a", 255)})},
		"a policy off its pattern":     {form: draft.with(form{"PolicySid": "RN123"})},
		"a callback without a host":    {form: draft.with(form{"StatusCallback": "/status"})},
		"a callback of another scheme": {form: draft.with(form{"StatusCallback": "ftp://a.example/"})},
		"a parameter twice":            {body: draft.encode() + "&FriendlyName=Twice"},
		"a broken escape":              {body: draft.encode() + "&StatusCallback=%zz"},
		"text that is not UTF-8":       {form: draft.with(form{"FriendlyName": "\xff"})},
		"a parameter in the query":     {path: productsPath + "?FriendlyName=x", form: draft},
		"another content type":         {form: draft, header: map[string]string{"Content-Type": "application/json"}},
	} {
		one.method = http.MethodPost
		if one.path == "" {
			one.path = productsPath
		}
		a := s.do(one)
		if a.status != http.StatusBadRequest {
			s.Errorf("%s: status %d, %s", what, a.status, a.body)
			continue
		}
		a.refused(http.StatusBadRequest, 20001)
	}
	if made := s.list(form{"FriendlyName": draft["FriendlyName"]}); len(made) != 0 {
		s.Errorf("%d of the refused were created", len(made))
	}
}

func fetchCases() []conformanceCase {
	return []conformanceCase{
		{name: "it answers what create answered", run: func(s *suite) {
			p := s.create(form{"StatusCallback": "https://example.com/status"})
			s.same("fetched", p, s.fetch(p.SID))
		}},
		{name: "an unknown product is not found", run: func(s *suite) {
			s.do(request{method: http.MethodGet, path: productsPath + "/" + unknownSID}).refused(http.StatusNotFound, 20404)
		}},
	}
}

func deleteCases() []conformanceCase {
	return []conformanceCase{
		{name: "a deleted product is gone", run: func(s *suite) {
			p, other := s.create(nil), s.create(nil)
			if a := s.delete(p.SID).expect(http.StatusNoContent); len(a.body) != 0 {
				s.Errorf("204 came with %q", a.body)
			}
			for _, one := range everyOperation(p.SID)[2:] {
				s.do(one).refused(http.StatusNotFound, 20404)
			}
			if list := s.list(form{"FriendlyName": p.FriendlyName}); len(list) != 0 {
				s.Error("the list still holds it")
			}
			s.same("the other product", other, s.fetch(other.SID))
		}},
		{name: "an unknown product is not found", run: func(s *suite) {
			s.delete(unknownSID).refused(http.StatusNotFound, 20404)
		}},
	}
}
