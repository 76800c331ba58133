package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestLogin: looking at a link does not use it, the button does, and nothing opens without a session.
func TestLogin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newSite(t, db)
		wantStatus(t, "without a session", s.send(t, "GET", "/console/", ""), http.StatusSeeOther, "/console/login")
		wantStatus(t, "an action without a session", s.send(t, "POST", "/console/nope", ""), http.StatusSeeOther, "/console/login")
		code := s.newCode(t)
		for range 2 {
			wantStatus(t, "the link", s.send(t, "GET", "/console/login?code="+code, ""), http.StatusOK, "")
		}
		wantStatus(t, "a wrong code", s.logIn(t, "wrong"), http.StatusForbidden, "")
		wantStatus(t, "no code", s.logIn(t, ""), http.StatusForbidden, "")
		wantStatus(t, "the button", s.logIn(t, code), http.StatusSeeOther, "/console/")
		wantStatus(t, "the button again", s.logIn(t, code), http.StatusForbidden, "")
		wantStatus(t, "with a session", s.send(t, "GET", "/console/", ""), http.StatusOK, "")

		cookie := s.cookies[0].String()
		if want := "trusthub_console_8080="; !strings.HasPrefix(cookie, want) {
			t.Errorf("the cookie is %s, want %s…", cookie, want)
		}
		if want := "; Path=/console; Max-Age=43200; HttpOnly; SameSite=Strict"; !strings.HasSuffix(cookie, want) {
			t.Errorf("the cookie is %s, want …%s", cookie, want)
		}
		s.cookies[0].Value += "x"
		wantStatus(t, "with a wrong session", s.send(t, "GET", "/console/", ""), http.StatusSeeOther, "/console/login")
	})
}

// TestLoginEnds: links and sessions expire, and logging out ends a session at once.
func TestLoginEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newSite(t, db)
		code := s.newCode(t)
		s.now = s.now.Add(5 * time.Minute)
		wantStatus(t, "an expired link", s.logIn(t, code), http.StatusForbidden, "")

		s.logIn(t, s.newCode(t))
		s.now = s.now.Add(12*time.Hour - time.Second)
		wantStatus(t, "before the end", s.send(t, "GET", "/console/", ""), http.StatusOK, "")
		s.now = s.now.Add(time.Second)
		wantStatus(t, "after the end", s.send(t, "GET", "/console/", ""), http.StatusSeeOther, "/console/login")

		s.logIn(t, s.newCode(t))
		response := s.send(t, "POST", "/console/logout", "")
		wantStatus(t, "logging out", response, http.StatusSeeOther, "/console/login")
		if cookies := cookiesOf(response); len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Name != s.cookies[0].Name {
			t.Errorf("logging out sets %v", cookies)
		}
		wantStatus(t, "with the cookie from before", s.send(t, "GET", "/console/", ""), http.StatusSeeOther, "/console/login")
	})
}

// TestOneLoginForAllServers uses one session on two servers of a database.
func TestOneLoginForAllServers(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			first, second := loggedIn(t, storetest.Open(t, name)), newSite(t, storetest.Open(t, name))
			second.cookies = first.cookies
			wantStatus(t, "the other server", second.send(t, "GET", "/console/", ""), http.StatusOK, "")
			first.send(t, "POST", "/console/logout", "")
			wantStatus(t, "the other server after logging out", second.send(t, "GET", "/console/", ""), http.StatusSeeOther, "/console/login")
		})
	}
}

// TestSecureCookie: behind a proxy with TLS the cookie is never sent in the clear.
func TestSecureCookie(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db, func(c *console.Config) { c.PublicURL = "https://hub.example" })
	if !s.cookies[0].Secure {
		t.Error("the cookie is not Secure")
	}
}

// TestNoSecretsInTheDatabase: who reads the database cannot use what it has.
func TestNoSecretsInTheDatabase(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := newSite(t, db)
	code := s.newCode(t)
	if err := db.StartSession(t.Context(), code, "session", at, at.Add(time.Hour)); err == nil {
		t.Error("the code is stored as it is")
	}
	s.logIn(t, code)
	if err := db.FindSession(t.Context(), s.cookies[0].Value, at); err == nil {
		t.Error("the session is stored as it is")
	}
}
