package operator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

func FuzzOperatorSQLite(f *testing.F)   { fuzzOperator(f, "sqlite") }
func FuzzOperatorPostgres(f *testing.F) { fuzzOperator(f, "postgres") }

// fuzzOperator sends arbitrary requests to the operator API on a database. Whatever comes, the response is one that the contract
// declares and never a 5xx, and only the operator's token gets a success.
//
// One database serves all requests of the process: none may leave anything behind that breaks a later one.
func fuzzOperator(f *testing.F, engine string) {
	f.Helper()
	contracts := loadContracts(f)
	s := newTestServer(f, storetest.Open(f, storetest.Names()[engine](f)))
	const (
		token  = "Bearer " + operatorToken
		asJSON = "application/json"
		sid    = "0190b5b2c1d07e3f9a44c0de5ab1e5ed"
	)
	for _, seed := range [][6]string{
		{"GET", "reviews", "page_size=1&page_token=1.BU" + sid, token, "", ""},
		{"GET", "reviews", "page_token=99999999999999999.%C3%BF", token, "", ""},
		{"GET", "reviews/BU" + sid, "", token, "", ""},
		{"POST", "reviews/BU" + sid + "/start", "", token, asJSON, "{"},
		{"POST", "reviews/BU" + sid + "/approve", "", "bearer " + operatorToken, "", ""},
		{"POST", "reviews/BU" + sid + "/reject", "", token, asJSON, `{"errors": [18602, 1.8602e4]}`},
		{"POST", "reviews/BU" + sid + "/reject", "errors=1", token, asJSON + "; charset=utf-8", `{"errors": [18602]}`},
		{"GET", "deliveries", "channel=email&state=dead&endpoint=smtp&bundle_sid=BU" + sid, token, "", ""},
		{"GET", "deliveries", "page_token=ND" + sid + "&page_size=100", token, "", ""},
		{"GET", "deliveries/ND" + sid, "", token, "", ""},
		{"GET", "messages", "to=%00&account_sid=AC" + sid, token, "", ""},
		{"GET", "messages", "to=%C3%A4@acme.example&state=not-sent&bundle_sid=BU" + sid, token, "", ""},
		{"GET", "messages/ND" + sid, "", token, "", ""},
		{"POST", "deliveries/ND" + sid + "/replay", "", token, "", ""},
		{"POST", "deliveries/ND" + sid + "/drop", "", token, "", ""},
		{"POST", "replays", "", token, asJSON, `{"state": "dead", "endpoint": "https://a.example:443", "channel": "callback"}`},
		{"POST", "replays", "", token, asJSON, `{"state": "dead", "endpoint": "\ud800\u0000", "x": [[{}]]}`},
		{"POST", "replays", "", token, "text/plain", `null`},
		{"GET", "events", "bundle_sid=BU" + sid, token, "", ""},
		{"GET", "events", "after=9223372036854775807", token, "", ""},
		{"GET", "events", "hereafter=1", token, "", ""},
		{"GET", "requests/stream", "status=9&after=-1", token, "", ""},
		{"GET", "requests/stream", "status=400", token, "", ""},
		{"GET", "accounts", "page_size=2&page_token=-9223372036854775808.AC", token, "", ""},
		{"POST", "accounts", "", token, "", ""},
		{"POST", "accounts", "", "Basic Og==", "", ""},
		{"POST", "accounts/AC" + sid + "/keys", "", token, asJSON, `{"friendly_name": "\ud800\u0000"}`},
		{"GET", "accounts/AC" + sid + "/keys", "page_token=SK" + sid, token, "", ""},
		{"DELETE", "keys/SK" + sid, "", token, "", ""},
		{"DELETE", "accounts/%2e%2e", "", "", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, method, path, query, authorization, contentType, body string) {
		target := "/operator/v1/" + path
		if query != "" {
			target += "?" + query
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.Contains(target, " ") || !httpguts.ValidHeaderFieldName(method) || method == http.MethodHead ||
			!httpguts.ValidHeaderFieldValue(authorization) || !httpguts.ValidHeaderFieldValue(contentType) {
			return // net/http would not receive it; the response to HEAD has no body to look at
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, serverURL, strings.NewReader(body))
		r.Method, r.URL, r.RequestURI = method, u, target
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Content-Type", contentType)
		w := s.do(t, r)
		contracts.check(t, method+" "+target, r, w)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		scheme, secret, _ := strings.Cut(authorization, " ")
		authorized := strings.EqualFold(scheme, "Bearer") && secret == operatorToken
		if w.Code < http.StatusBadRequest && method != http.MethodOptions && !authorized {
			t.Errorf("status %d with the credentials %q", w.Code, authorization)
		}
	})
}
