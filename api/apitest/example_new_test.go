package apitest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// Test what an application does when a registration is rejected, without waiting.
func ExampleNew() {} // see testRejection

// testRejection would be TestRejection in your package. Here TestExamples runs it.
func testRejection(t *testing.T) {
	s := apitest.New(t)
	app := httptest.NewServer(newApplication(t, s.BaseURL, s.AccountSID, s.AuthToken))
	defer app.Close()

	// The application registers a business, with its own URL as StatusCallback. The e-mail address selects the outcome.
	register(t, app, "compliance+reject-18602@acme.example")
	s.Advance(time.Minute)

	if got := shownStatus(t, app); got != "twilio-rejected" {
		t.Errorf("the application shows %q", got)
	}
}
