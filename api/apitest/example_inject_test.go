package apitest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// Test how an application copes with an overloaded service and with a lost response.
func ExampleServer_Inject() {} // see testOverload

// testOverload would be TestOverload in your package. Here TestExamples runs it.
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
