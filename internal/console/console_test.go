package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	host       = "127.0.0.1:8080"
	accountSID = "ACf0000000000000000000000000000002"
	productSID = "BU00000000000000000000000000000001"
	policySID  = "RN7a97559effdf62d00f4298208492a5ea"
)

// at is when tests begin.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// site is a console in a test, at host, and a browser that uses it.
type site struct {
	db      *store.Store
	console *console.Console
	handler http.Handler // the console
	now     time.Time
	cookies []*http.Cookie
}

// newSite returns a console of a database. configure may change its configuration.
func newSite(t testing.TB, db *store.Store, configure ...func(*console.Config)) *site {
	t.Helper()
	s := &site{db: db, now: at}
	now := func() time.Time { return s.now }
	mails, err := mail.NewComposer("trusthub@example.com")
	if err != nil {
		t.Fatal(err)
	}
	requests := operator.Requests{Server: "test", Log: requestlog.New(10, now)}
	controlled := control.New(control.NewClock(at, now), nil)
	config := console.Config{
		Store: db, Operator: operator.New(db, requests, mails, trust.Policy{}, now, controlled), Requests: requests, Mails: mails,
		Control: controlled, Now: now, LoginNow: now, Logger: slog.New(slog.DiscardHandler), Loopback: true,
	}
	for _, change := range configure {
		change(&config)
	}
	if s.console, err = console.New(config); err != nil {
		t.Fatal(err)
	}
	s.handler = s.console
	return s
}

// send performs a request. A body is that of a form.
func (s *site) send(t testing.TB, method, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Host = host
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, cookie := range s.cookies {
		r.AddCookie(cookie)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// newCode stores a login and returns its code.
func (s *site) newCode(t testing.TB) string {
	t.Helper()
	link, err := console.NewLink(t.Context(), s.db, "http://"+host+"/", s.now, console.LinkLife)
	if err != nil {
		t.Fatal(err)
	}
	code, ok := strings.CutPrefix(link, "http://"+host+"/console/login?code=")
	if !ok {
		t.Fatalf("the link is %s", link)
	}
	return code
}

// logIn uses a code, and the browser keeps the cookie.
func (s *site) logIn(t testing.TB, code string) *httptest.ResponseRecorder {
	t.Helper()
	response := s.send(t, http.MethodPost, "/console/login", url.Values{"code": {code}}.Encode())
	if response.Code == http.StatusSeeOther {
		s.cookies = cookiesOf(response)
	}
	return response
}

// loggedIn is newSite with a session.
func loggedIn(t testing.TB, db *store.Store, configure ...func(*console.Config)) *site {
	t.Helper()
	s := newSite(t, db, configure...)
	if response := s.logIn(t, s.newCode(t)); response.Code != http.StatusSeeOther {
		t.Fatalf("the login got status %d", response.Code)
	}
	return s
}

// wantStatus compares the status, and for a redirect its location.
func wantStatus(t *testing.T, what string, response *httptest.ResponseRecorder, want int, location string) {
	t.Helper()
	if response.Code != want || response.Header().Get("Location") != location {
		t.Errorf("%s: status %d to %q, want %d to %q", what, response.Code, response.Header().Get("Location"), want, location)
	}
}

// addBundle stores an account with a bundle.
func addBundle(t testing.TB, db *store.Store, name, email string) {
	t.Helper()
	if err := db.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "verysecret", Created: at}); err != nil {
		t.Fatal(err)
	}
	b := trust.NewBundle(trust.TrustProduct, productSID, accountSID, policySID, name, email, "https://example.com/?<i>", at)
	if err := db.Bundles.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}
