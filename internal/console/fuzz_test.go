package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

func FuzzPagesSQLite(f *testing.F)   { fuzzPages(f, "sqlite") }
func FuzzPagesPostgres(f *testing.F) { fuzzPages(f, "postgres") }

// fuzzPages asks for arbitrary pages of the console, with a session. Whatever comes, the response is a page of valid HTML or a
// redirect within the console, never a 5xx, and shows no token and no markup from the URL or a customer.
func fuzzPages(f *testing.F, engine string) {
	f.Helper()
	db := storetest.Open(f, storetest.Names()[engine](f))
	addBundle(f, db, markup, markup)
	notify(f, db, trust.Callback, "https://example.com/?"+markup)
	s := loggedIn(f, db)
	for page := range pages {
		path, query, _ := strings.Cut(strings.TrimPrefix(page, "/console/"), "?")
		f.Add(path, query)
		f.Add(path, query+"&after=1793000000000000.BU0190b5b2c1d07e3f9a44c0de5ab1e5ed&q=%00%ff&account=AC"+noID[2:])
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		target := "/console/" + path
		if query != "" {
			target += "?" + query
		}
		if _, err := url.ParseRequestURI(target); err != nil || strings.ContainsAny(target, " \t\r\n") ||
			strings.HasPrefix(target, "/console/events") {
			return // net/http would not receive it; the stream has tests of its own
		}
		response := s.send(t, http.MethodGet, target, "")
		text := response.Body.String()
		if response.Code >= http.StatusInternalServerError {
			t.Errorf("status %d: %s", response.Code, text)
		}
		if to := response.Header().Get("Location"); to != "" && !strings.HasPrefix(to, "/console/") {
			t.Errorf("a redirect to %q", to)
		}
		if strings.HasPrefix(response.Header().Get("Content-Type"), "text/html") && response.Header().Get("Location") == "" {
			wantHTML(t, target, text)
			wantSafeHeaders(t, target, response.Header())
		}
		if strings.Contains(text, "<img") || strings.Contains(text, "verysecret") {
			t.Error("the page has the markup of a customer, or a token")
		}
	})
}
