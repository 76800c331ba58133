package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestForgery sends what other sites can make a browser send.
func TestForgery(t *testing.T) {
	s := loggedIn(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	at := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"another site":              {header("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"another port":              {header("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		"another origin":            {header("Origin", "http://127.0.0.1:8081"), http.StatusForbidden},
		"an origin that is secret":  {header("Origin", "null"), http.StatusForbidden},
		"a name that was rebound":   {at("evil.example:8080"), http.StatusMisdirectedRequest},
		"a name of this kind":       {at("127.0.0.1.evil.example"), http.StatusMisdirectedRequest},
		"another address":           {at("192.168.0.1:8080"), http.StatusMisdirectedRequest},
		"no name":                   {at(""), http.StatusMisdirectedRequest},
		"a form of another type":    {header("Content-Type", "text/plain"), http.StatusBadRequest},
		"an invalid form":           {func(r *http.Request) { r.Body = body("%zz=1") }, http.StatusBadRequest},
		"a form that is too large":  {func(r *http.Request) { r.Body = body("a=" + strings.Repeat("b", 64<<10)) }, http.StatusRequestEntityTooLarge},
		"a form of too many fields": {func(r *http.Request) { r.Body = body(strings.Repeat("a&", 2000)) }, http.StatusRequestEntityTooLarge},
	} {
		wantStatus(t, name, s.send(t, "POST", "/console/logout", "", test.change), test.want, "")
	}
	wantStatus(t, "a page of a name that was rebound", s.send(t, "GET", "/console/", "", at("evil.example:8080")), http.StatusMisdirectedRequest, "")
	wantStatus(t, "the session after all this", s.send(t, "GET", "/console/", ""), http.StatusOK, "")
	wantStatus(t, "the console itself", s.send(t, "POST", "/console/logout", "", header("Sec-Fetch-Site", "same-origin")), http.StatusSeeOther, "/console/login")
}

// TestHosts: on loopback only the names of this machine are served, and that of --public-url.
func TestHosts(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	for name, test := range map[string]struct {
		configure func(*console.Config)
		host      string
		want      int
	}{
		"localhost":              {func(*console.Config) {}, "localhost:8080", http.StatusOK},
		"a name under localhost": {func(*console.Config) {}, "hub.localhost", http.StatusOK},
		"IPv6":                   {func(*console.Config) {}, "[::1]:8080", http.StatusOK},
		"IPv6 without a port":    {func(*console.Config) {}, "[::1]", http.StatusOK},
		"another loopback":       {func(*console.Config) {}, "127.9.9.9", http.StatusOK},
		"a public name":          {func(c *console.Config) { c.PublicURL = "https://hub.example" }, "hub.example", http.StatusOK},
		"not the public name":    {func(c *console.Config) { c.PublicURL = "https://hub.example" }, "evil.example", http.StatusMisdirectedRequest},
		"not on loopback":        {func(c *console.Config) { c.Loopback = false }, "hub.example", http.StatusOK},
	} {
		s := newSite(t, db, test.configure)
		response := s.send(t, "GET", "/console/login", "", func(r *http.Request) { r.Host = test.host })
		wantStatus(t, name, response, test.want, "")
	}
}

// TestBusy: a server with too many requests says so instead of doing more.
func TestBusy(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db, busyConsole)
	wantStatus(t, "a page", s.send(t, "GET", "/console/", ""), http.StatusTooManyRequests, "")
}

// TestUnavailable shows an error page when the database does not work, and says nothing of the cause.
func TestUnavailable(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	response := s.send(t, "GET", "/console/bundles", "")
	if text := response.Body.String(); response.Code < 500 || strings.Contains(text, "sql") {
		t.Errorf("status %d: %s", response.Code, text)
	}
	if got := s.send(t, "POST", "/console/login", url.Values{"code": {"x"}}.Encode()).Code; got < 500 {
		t.Errorf("a login without a database gets status %d", got)
	}
}
