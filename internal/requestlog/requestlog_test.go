package requestlog_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/requestlog"
)

const (
	alice  = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bob    = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	token  = "tokenofalice"
	bundle = "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	policy = "RN7a97559effdf62d00f4298208492a5ea"
)

// backend creates nothing but says so.
type backend struct{ server.Unimplemented }

func (backend) CreateTrustProduct(
	context.Context, server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	return server.CreateTrustProduct201JSONResponse{Body: gen.TrustProduct{SID: bundle}}, nil
}

func newHandler(t testing.TB, log *requestlog.Log) http.Handler {
	t.Helper()
	config := api.Config{Authenticate: func(_ context.Context, username, password string) (string, error) {
		if (username == alice || username == bob) && password == token {
			return username, nil
		}
		return "", api.ErrUnauthenticated
	}}
	if log != nil {
		config.Observe = log.Observe
	}
	handler, err := api.New(backend{}, config)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func newRequest(method, target string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, "http://hub.example"+target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(alice, token)
	return r
}

func as(r *http.Request, username, password string) *http.Request {
	r.SetBasicAuth(username, password)
	return r
}

// TestRefusals sends requests that are refused, and finds each with its reason, also by filters.
func TestRefusals(t *testing.T) {
	ended := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	log := requestlog.New(10, func() time.Time { return ended })
	handler := newHandler(t, log)
	valid := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {policy}}
	invalid := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {"RN"}}
	var ids []string
	for _, r := range []*http.Request{
		newRequest("POST", "/v1/TrustProducts", valid),
		newRequest("POST", "/v1/TrustProducts", invalid),
		as(newRequest("POST", "/v1/TrustProducts", valid), alice, "wrong"),
		as(newRequest("GET", "/v1/TrustProducts/"+bundle, nil), bob, token), // 501
		newRequest("GET", "/v1/nothing", nil),
		newRequest("OPTIONS", "/v1/TrustProducts", nil),
		newRequest("GET", "/openapi.yaml", nil),
		newRequest("POST", "/v1/TrustProducts/"+bundle+"/EntityAssignments", url.Values{"ObjectSid": {bundle}}),
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		ids = append(ids, w.Header().Get("Twilio-Request-Id"))
	}
	create := requestlog.Entry{
		Time: ended, RequestID: ids[0], AccountSID: alice, ClientAddress: netip.MustParseAddr("192.0.2.1"), Operation: "CreateTrustProduct", Method: "POST",
		Path: "/v1/TrustProducts", Status: 201,
		Parameters: []requestlog.Parameter{{"Email", "a@b.example"}, {"FriendlyName", "Acme"}, {"PolicySid", policy}},
	}
	refused := create
	refused.RequestID, refused.Status, refused.Code = ids[1], 400, 20001
	refused.Message = "Invalid parameter PolicySid: must match ^RN[0-9a-fA-F]{32}$"
	refused.Parameters = []requestlog.Parameter{{"Email", "a@b.example"}, {"FriendlyName", "Acme"}, {"PolicySid", "RN"}}
	unauthenticated := create
	unauthenticated.RequestID, unauthenticated.Status, unauthenticated.Code = ids[2], 401, 20003
	unauthenticated.AccountSID, unauthenticated.ClaimedAccountSID = "", alice
	unauthenticated.Message, unauthenticated.Parameters = "Authenticate", nil
	wants := []*requestlog.Entry{&unauthenticated, &refused, &create}
	ignored := cmp.Options{cmpopts.IgnoreUnexported(requestlog.Entry{}), cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(requestlog.Entry{}, "Sequence", "Duration"), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(wants, log.List(requestlog.Filter{Operation: "CreateTrustProduct"}, 0, 9), ignored); diff != "" {
		t.Errorf("the log differs (-want +got):\n%s", diff)
	}

	for name, test := range map[string]struct {
		filter requestlog.Filter
		want   []int // indexes of the requests
	}{
		"all":                {requestlog.Filter{}, []int{7, 4, 3, 2, 1, 0}},
		"an account's":       {requestlog.Filter{AccountSID: alice}, []int{7, 4, 2, 1, 0}},
		"another account's":  {requestlog.Filter{AccountSID: bob}, []int{3}},
		"a status":           {requestlog.Filter{Status: 401}, []int{2}},
		"a class":            {requestlog.Filter{StatusClass: 4}, []int{4, 2, 1}},
		"a code":             {requestlog.Filter{Code: 20404}, []int{4}},
		"a bundle":           {requestlog.Filter{BundleSID: bundle}, []int{7, 3}},
		"several conditions": {requestlog.Filter{AccountSID: alice, StatusClass: 5, BundleSID: bundle}, []int{7}},
		"none":               {requestlog.Filter{AccountSID: bob, StatusClass: 4}, nil},
	} {
		var want, got []string
		for _, i := range test.want {
			want = append(want, ids[i])
		}
		before := int64(0)
		for page := log.List(test.filter, before, 2); len(page) > 0; page = log.List(test.filter, before, 2) {
			for _, entry := range page {
				got = append(got, entry.RequestID)
			}
			before = page[len(page)-1].Sequence
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestNoSecrets sends credentials in every place in which this API, its clients or its predecessors in the way of a request know
// some, and looks for them in all that is kept.
func TestNoSecrets(t *testing.T) {
	const secret = "hunter2"
	log := requestlog.New(1000, time.Now)
	handler := newHandler(t, log)
	create := func(name, value string) *http.Request {
		form := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {policy}}
		form.Set(name, value)
		return newRequest("POST", "/v1/TrustProducts", form)
	}
	requests := []*http.Request{
		as(create("FriendlyName", "x"), alice, secret),
		as(create("FriendlyName", "x"), secret, token),
		as(create("FriendlyName", "x"), "AC"+strings.Repeat(secret, 4), secret),
		create("AuthToken", secret), // not in the contract
		newRequest("GET", "/v1/TrustProducts?AuthToken="+secret, nil),
		newRequest("GET", "/v1/TrustProducts?AuthToken="+secret+"&Status=bogus", nil),
		newRequest("GET", "/v1/nothing/https://user:"+secret+"@host.example", nil),
	}
	for _, callback := range []string{
		"https://user:hunter2@acme.example/status", "https://hunter2@acme.example/status?to=a@b.example", "https://user:a@hunter2@acme.example",
		"ftp://user:hunter2@acme.example/", "//user:hunter2@acme.example", "user:hunter2@acme.example", "https:user:hunter2@acme.example",
		"https://user:pass/hunter2@acme.example", "https://user:#hunter2@acme.example",
		"https://user:hunter2@acme.example/" + strings.Repeat("x", 3000), "https://" + strings.Repeat("x", 3000) + ":hunter2@acme.example",
	} {
		requests = append(requests, create("StatusCallback", callback), create("FriendlyName", "see "+callback+" and "+callback),
			newRequest("POST", "/v1/EndUsers", url.Values{
				"FriendlyName": {"x"}, "Type": {"y"}, "Attributes": {`{"url": "` + callback + `", "email": "a@b.example"}`},
			}))
	}
	headers := []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "X-Twilio-Signature", "Referer", "User-Agent"}
	for _, name := range headers {
		r := create("FriendlyName", "x")
		r.Header.Set(name, "Bearer "+secret)
		requests = append(requests, r)
	}
	withUser := create("FriendlyName", "x")
	withUser.URL.User = url.UserPassword("user", secret) // as in POST http://user:hunter2@hub.example/ HTTP/1.1
	requests = append(requests, withUser)

	for _, r := range requests {
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	kept := log.List(requestlog.Filter{}, 0, 1000)
	if len(kept) != len(requests) {
		t.Fatalf("%d requests are kept, want %d", len(kept), len(requests))
	}
	for _, entry := range kept {
		if text := fmt.Sprintf("%+v", *entry); strings.Contains(text, secret) || strings.Contains(text, token) {
			t.Errorf("a secret is kept: %s", text)
		}
	}
	if shown := fmt.Sprintf("%+v", *kept[len(headers)+1]); !strings.Contains(shown, "a@b.example") || !strings.Contains(shown, "[removed]@acme.example") {
		t.Errorf("more than secrets is missing: %s", shown)
	}
}

// TestOff checks that the benchmarks compare the same request with and without a log.
func TestOff(t *testing.T) {
	w := httptest.NewRecorder()
	newHandler(t, nil).ServeHTTP(w, createRequest())
	if w.Code != http.StatusCreated {
		t.Errorf("status %d", w.Code)
	}
}

func createRequest() *http.Request {
	return newRequest("POST", "/v1/TrustProducts", url.Values{
		"FriendlyName": {"Acme"}, "Email": {"a@b.example"}, "PolicySid": {policy}, "StatusCallback": {"https://acme.example/status"},
	})
}

// BenchmarkCreate alternately measures a create through package api with and without a log, with a backend that does nothing.
func BenchmarkCreate(b *testing.B) {
	without, with := newHandler(b, nil), newHandler(b, requestlog.New(1000, time.Now))
	timed := func(handler http.Handler) time.Duration {
		w, r := httptest.NewRecorder(), createRequest()
		start := time.Now()
		handler.ServeHTTP(w, r)
		return time.Since(start)
	}
	var withoutTime, withTime time.Duration
	for b.Loop() {
		withoutTime += timed(without)
		withTime += timed(with)
	}
	allocations := func(handler http.Handler) float64 {
		return testing.AllocsPerRun(200, func() { handler.ServeHTTP(httptest.NewRecorder(), createRequest()) })
	}
	b.ReportMetric(0, "ns/op") // of both together, which means nothing
	b.ReportMetric(float64(withoutTime.Nanoseconds())/float64(b.N), "without-ns")
	b.ReportMetric(float64(withTime.Nanoseconds())/float64(b.N), "with-ns")
	b.ReportMetric(allocations(with)-allocations(without), "more-allocs")
}

// BenchmarkObserve measures what a request waits for, at a log that is full, from all processors.
func BenchmarkObserve(b *testing.B) {
	var create api.RequestInfo
	config := api.Config{
		Authenticate: func(context.Context, string, string) (string, error) { return alice, nil },
		Observe:      func(info api.RequestInfo) { create = info },
	}
	handler, err := api.New(backend{}, config)
	if err != nil {
		b.Fatal(err)
	}
	handler.ServeHTTP(httptest.NewRecorder(), createRequest())
	log := requestlog.New(1000, time.Now)
	for range 1000 {
		log.Observe(create)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			log.Observe(create)
		}
	})
}
