package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
)

// TestWhoIsAskedForCredentials sends no credentials. Programs must get a WWW-Authenticate, browsers must not.
func TestWhoIsAskedForCredentials(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for _, test := range []struct {
		name, header, value string
		asked               bool
	}{
		{"curl", "User-Agent", "curl/8.5.0", true},
		{"Go", "User-Agent", "Go-http-client/1.1", true},
		{"an SDK", "User-Agent", "twilio-node/5.3.0 (linux x64) node/20.11.0", true},
		{"a program that accepts anything", "Accept", "*/*", true},
		{"a program that accepts JSON", "Accept", "application/json", true},
		{"a program of another origin", "Origin", "https://app.example", true},
		{"Chromium's address bar", "Sec-Fetch-Mode", "navigate", false},
		{"a fetch, as of the reference at /docs", "Sec-Fetch-Site", "same-origin", false},
		{"a future Sec-Fetch header", "Sec-Fetch-Storage-Access", "none", false},
		{"Firefox over plain HTTP", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", false},
		{"a text browser", "Accept", "text/plain, Text/HTML;q=0.9", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, path := range []string{"/v1/TrustProducts", "/v1/TrustProducts/" + validSID} {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set(test.header, test.value)
				w, failure := answerOf(t, handler, r)
				if w.Code != http.StatusUnauthorized || api.Code(failure.Code) != api.CodeUnauthenticated {
					t.Errorf("status %d, %+v", w.Code, failure)
				}
				if asked := w.Header().Get("WWW-Authenticate") != ""; asked != test.asked {
					t.Errorf("asked: %v, want %v", asked, test.asked)
				}
			}
		})
	}
}

// TestForgedRequests sends valid credentials, as a browser that remembers them would.
func TestForgedRequests(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for _, mode := range []string{"", "cors", "same-origin", "navigate", "no-cors"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			t.Run(method+" "+mode, func(t *testing.T) {
				r := newRequest(strings.NewReader("FriendlyName=Forged"))
				r.Method, r.URL.Path = method, "/v1/TrustProducts/"+validSID
				if mode != "" {
					r.Header.Set("Sec-Fetch-Mode", mode)
				}
				w, failure := answerOf(t, handler, r)
				refused := api.Code(failure.Code) == api.CodeForbidden && w.Code == http.StatusForbidden
				if want := method != http.MethodGet && (mode == "navigate" || mode == "no-cors"); refused != want {
					t.Errorf("status %d, %+v", w.Code, failure)
				}
			})
		}
	}
}
