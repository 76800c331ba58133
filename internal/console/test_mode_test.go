package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestOutsideTestMode: the page of the clock is neither there nor in the navigation.
func TestOutsideTestMode(t *testing.T) {
	s := loggedIn(t, storetest.Open(t, storetest.Names()["sqlite"](t)), func(c *console.Config) { c.Control = nil })
	wantStatus(t, "the page", s.send(t, "GET", "/console/test", ""), http.StatusNotFound, "")
	wantStatus(t, "an action", s.send(t, "POST", "/console/test/freeze", ""), http.StatusNotFound, "")
	if strings.Contains(s.send(t, "GET", "/console/", "").Body.String(), "/console/test") {
		t.Error("the navigation has the page")
	}
	s = loggedIn(t, s.db)
	if !strings.Contains(s.send(t, "GET", "/console/", "").Body.String(), `href="/console/test"`) {
		t.Error("in test mode, the navigation does not have the page")
	}
}

// controlled is a site whose control has a server, which is not served.
func controlled(t *testing.T, db *store.Store) (*site, *control.Control) {
	t.Helper()
	clock := control.NewClock(at, func() time.Time { return at })
	c := control.New(clock, nil)
	if _, err := app.New(t.Context(), app.Config{Store: db, Control: c}); err != nil {
		t.Fatal(err)
	}
	return loggedIn(t, db, func(config *console.Config) { config.Control, config.Now = c, clock.Now }), c
}

// TestClock moves, stops and starts the clock, and refuses what is not a duration.
func TestClock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s, c := controlled(t, db)
		act := func(name, form, location string) {
			t.Helper()
			wantStatus(t, name, s.send(t, "POST", "/console/test/"+name, form), http.StatusSeeOther, "/console/test?done="+location)
		}
		act("run", "", "running")
		if _, running := c.Clock.Read(); !running {
			t.Error("the clock does not run")
		}
		act("freeze", "", "frozen")
		act("advance", "amount=90&unit=minutes", "advanced")
		act("settle", "", "settled")
		if now, running := c.Clock.Read(); running || !now.Equal(at.Add(90*time.Minute)) {
			t.Errorf("the clock shows %v, running %t", now, running)
		}
		text := s.send(t, "GET", "/console/test?done=advanced", "").Body.String()
		for _, want := range []string{"2026-01-02 04:34:05 UTC", "<dd>frozen</dd>", "The clock has been moved"} {
			if !strings.Contains(text, want) {
				t.Errorf("the page does not have %q", want)
			}
		}
		for _, form := range []string{"", "amount=1", "unit=hours", "amount=-1&unit=hours", "amount=1.5&unit=hours", "amount=36501&unit=days"} {
			wantStatus(t, form, s.send(t, "POST", "/console/test/advance", form), http.StatusBadRequest, "")
		}
	})
}

// TestFaults injects a fault, lists it and removes it. Invalid ones are refused with a reason.
func TestFaults(t *testing.T) {
	s, c := controlled(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	const form = "operation=CreateTrustProduct&count=3&status=503&code=&message=%3Cb%3Edown&retry_after=7&delay_ms=&drop="
	wantStatus(t, "inject", s.send(t, "POST", "/console/test/inject", form), http.StatusSeeOther, "/console/test?done=injected")
	want := control.Injected{
		Number: 1, Left: 3, Match: control.Match{Method: "POST", Path: "/v1/TrustProducts"},
		Fault: control.Fault{Status: 503, Message: "<b>down", RetryAfter: 7 * time.Second},
	}
	if got := c.Faults.After(0, 2); len(got) != 1 || got[0] != want {
		t.Errorf("the faults are %+v", got)
	}
	text := s.send(t, "GET", "/console/test", "").Body.String()
	for _, want := range []string{"POST /v1/TrustProducts", "&lt;b&gt;down", "retry after 7s", "3 requests will fail"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	for form, want := range map[string]string{
		"count=1":                              "a fault needs a status, a delay or a drop",
		"count=x&status=503":                   "The parameter count must be a whole number.",
		"count=0&status=503":                   "the number of requests must be at least 1",
		"count=1&status=99999999999":           "The parameter status must be a whole number.",
		"count=1&status=503&operation=%3Ci%3E": "unknown operation",
		"count=1&drop=never":                   "drop must be before or after",
	} {
		response := s.send(t, "POST", "/console/test/inject", form)
		wantStatus(t, form, response, http.StatusBadRequest, "")
		if !strings.Contains(response.Body.String(), want) {
			t.Errorf("%s: the page does not say %q", form, want)
		}
	}
	wantStatus(t, "clear", s.send(t, "POST", "/console/test/clear", ""), http.StatusSeeOther, "/console/test?done=cleared")
	if c.Faults.Left() != 0 {
		t.Error("a fault is left")
	}
}

// TestResetIsConfirmed: without the box, nothing is deleted. The session survives the reset.
func TestResetIsConfirmed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		s, _ := controlled(t, db)
		for _, form := range []string{"to=empty", "to=empty&confirm=no", "confirm=yes", "to=all&confirm=yes"} {
			wantStatus(t, form, s.send(t, "POST", "/console/test/reset", form), http.StatusBadRequest, "")
		}
		if _, err := db.Bundle(t.Context(), productSID); err != nil {
			t.Errorf("the bundle after a reset that is not confirmed: %v", err)
		}
		reset := s.send(t, "POST", "/console/test/reset", "to=empty&confirm=yes")
		wantStatus(t, "reset", reset, http.StatusSeeOther, "/console/test?done=reset")
		wantStatus(t, "the bundle", s.send(t, "GET", "/console/bundles/"+productSID, ""), http.StatusNotFound, "")
	})
}

// TestAddAccount: the token is on the page that responds, and nowhere else.
func TestAddAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := loggedIn(t, db)
		stranger := newSite(t, db)
		wantStatus(t, "a stranger", stranger.send(t, "POST", "/console/accounts/add", ""), http.StatusSeeOther, "/console/login")
		response := s.send(t, "POST", "/console/accounts/add", "")
		wantStatus(t, "add", response, http.StatusOK, "")
		wantSafeHeaders(t, "add", response.Header())
		wantHTML(t, "add", response.Body.String())
		accounts, err := db.Accounts(t.Context())
		if err != nil || len(accounts) != 1 {
			t.Fatalf("the accounts are %+v, %v", accounts, err)
		}
		a := accounts[0]
		if text := response.Body.String(); !strings.Contains(text, a.AuthToken) || !strings.Contains(text, trust.PrimarySID(a.SID)) {
			t.Errorf("the page does not have the account: %s", text)
		}
		list := s.send(t, "GET", "/console/accounts", "").Body.String()
		if !strings.Contains(list, a.SID) || strings.Contains(list, a.AuthToken) {
			t.Errorf("the list does not have the account, or has its token: %s", list)
		}
		wantStatus(t, "the page again", s.send(t, "GET", "/console/accounts/add", ""), http.StatusNotFound, "")
	})
}
