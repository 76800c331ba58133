package hub_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// What a path, a query or a body may contain to name what is created for this one request.
const (
	freshSID        = "{sid}"        // the SID of a product or, below the path of profiles, of a profile
	freshUser       = "{user}"       // the SID of an end user
	freshDocument   = "{document}"   // the SID of a supporting document
	freshAssignment = "{assignment}" // the SID of an assignment of an end user to it
	freshNumber     = "{number}"     // a phone number that can be assigned to it
	freshEndpoint   = "{endpoint}"   // the SID of an assignment of a phone number to it
	freshEvaluation = "{evaluation}" // the SID of an evaluation of it
	freshPage       = "{token}"      // the PageToken of the second page of all products or profiles
)

// refresh creates what the request names, and returns the request with the SIDs.
func (s *fuzzedServer) refresh(t *testing.T, r fuzzRequest) fuzzRequest {
	t.Helper()
	text := r.path + r.query + r.body
	if !strings.Contains(text, "{") {
		return r
	}
	alike := func(create fuzzRequest) fuzzRequest { return create }
	if strings.HasPrefix(r.path, profiles) {
		alike = fuzzRequest.ofProfiles
	}
	bundle := s.created(t, alike(validCreate()))
	replace := []string{freshSID, bundle}
	for name, create := range map[string]func() string{
		freshUser:     func() string { return s.created(t, validUser()) },
		freshDocument: func() string { return s.created(t, validDocument()) },
		freshAssignment: func() string {
			return s.created(t, alike(assign(bundle, s.created(t, validUser()))))
		},
		freshNumber: func() string { return s.numberFor(t, alike, bundle) },
		freshEndpoint: func() string {
			return s.created(t, alike(assignNumber(products, bundle, s.numberFor(t, alike, bundle))))
		},
		freshEvaluation: func() string { return s.created(t, alike(evaluate(bundle, validPolicy))) },
		freshPage:       func() string { return s.pageToken(t, alike(validCreate())) },
	} {
		if strings.Contains(text, name) {
			replace = append(replace, name, create())
		}
	}
	fresh := strings.NewReplacer(replace...)
	r.path, r.query, r.body = fresh.Replace(r.path), fresh.Replace(r.query), fresh.Replace(r.body)
	return r
}

// numberFor returns a phone number that is on a profile, which is assigned to the bundle. alike says which kind that has.
func (s *fuzzedServer) numberFor(t *testing.T, alike func(fuzzRequest) fuzzRequest, bundle string) string {
	t.Helper()
	profile := s.created(t, request(http.MethodPost, profiles, "", "FriendlyName=Acme&Email=email&PolicySid="+secondaryPolicy))
	number := trust.PhoneNumberPrefix + profile[2:] // of the profile's own digits
	s.created(t, assignNumber(profiles, profile, number))
	s.created(t, alike(assign(bundle, profile)))
	return number
}

// kept is what every resource has.
type kept struct{ SID, URL string }

// created sends a create that is valid, and returns the SID.
func (s *fuzzedServer) created(t *testing.T, r fuzzRequest) string {
	t.Helper()
	w := s.send(t, r)
	if w.Code != http.StatusCreated {
		t.Fatalf("%s %s %s: %d %s", r.method, r.path, r.body, w.Code, w.Body)
	}
	return decode[kept](t, w).SID
}

// pageToken returns the token of the second page of the list that a create adds to.
func (s *fuzzedServer) pageToken(t *testing.T, create fuzzRequest) string {
	t.Helper()
	s.created(t, create)
	s.created(t, create)
	page := decode[struct{ Meta gen.PageMeta }](t, s.get(t, create.path+"?PageSize=1"))
	next, err := url.Parse(*page.Meta.NextPageURL)
	if err != nil {
		t.Fatal(err)
	}
	return next.Query().Get("PageToken")
}

// expectKept expects what was created or changed to be fetched as the response had it.
func (s *fuzzedServer) expectKept(t *testing.T, answered *httptest.ResponseRecorder) {
	t.Helper()
	fetched := s.get(t, strings.TrimPrefix(decode[kept](t, answered).URL, "http://hub.example"))
	if fetched.Code != http.StatusOK || !bytes.Equal(fetched.Body.Bytes(), answered.Body.Bytes()) {
		t.Errorf("the response was %s\nfetched %d %s", answered.Body, fetched.Code, fetched.Body)
	}
}

// expectUsable expects that nothing in what was created makes a later request fail: that a bundle can be submitted, with the
// notices that a review makes, and that an end user or document can be assigned and evaluated.
func (s *fuzzedServer) expectUsable(t *testing.T, created *httptest.ResponseRecorder) {
	t.Helper()
	made := decode[kept](t, created)
	switch made.SID[:2] {
	case "BU":
		w := s.send(t, request(http.MethodPost, strings.TrimPrefix(made.URL, "http://hub.example"), "", "Status=pending-review"))
		if w.Code != http.StatusOK {
			t.Errorf("%s\ncannot be submitted: %d %s", created.Body, w.Code, w.Body)
		}
	case "IT", "RD":
		product := s.created(t, validCreate())
		s.created(t, assign(product, made.SID))
		for _, policy := range []string{secondaryPolicy, cnamPolicy} { // with the types of the seeds
			s.created(t, evaluate(product, policy))
		}
	}
}

// expectPages follows the URLs that a page names. What was fetched may be no page.
func (s *fuzzedServer) expectPages(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	meta := decode[struct{ Meta *gen.PageMeta }](t, w).Meta
	if meta == nil {
		return
	}
	for _, link := range []*string{&meta.URL, &meta.FirstPageURL, meta.NextPageURL, meta.PreviousPageURL} {
		if link == nil {
			continue
		}
		if page := s.get(t, strings.TrimPrefix(*link, "http://hub.example")); page.Code != http.StatusOK {
			t.Errorf("%s: the response is %d: %s", *link, page.Code, page.Body)
		}
	}
}
