package apitest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// How an application copes with a service that is overloaded, and with an answer that got lost.
func ExampleServer_Inject() {} // testOverload is it

// testOverload would be a TestOverload in a package of yours. Here TestExamples runs it.
func testOverload(t *testing.T) {
	s := apitest.New(t)
	app := httptest.NewServer(newApplication(t, s.BaseURL, s.AccountSID, s.AuthToken))
	defer app.Close()

	s.Inject(2, apitest.TooManyRequests(0))
	s.Inject(1, apitest.DropAnswer())
	register(t, app, "compliance@acme.example")
	if s.Injected() > 0 {
		t.Error("the application has given up")
	}
	s.Advance(time.Minute)
	if got := shownStatus(t, app); got != "twilio-approved" {
		t.Errorf("the application shows %q", got)
	}
}
