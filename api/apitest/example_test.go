package apitest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// What an application does when a registration is rejected, without waiting for anything.
func ExampleNew() {
	_ = func(t *testing.T) {
		s := apitest.New(t)
		app := httptest.NewServer(newApplication(s.BaseURL, s.AccountSID, s.AuthToken))
		defer app.Close()

		// The application registers a business, with its own URL as StatusCallback. The address asks for the outcome.
		register(t, app, "compliance+reject-18602@acme.example")
		s.Advance(time.Minute)

		if got := shownStatus(t, app); got != "rejected" {
			t.Errorf("the application shows %q", got)
		}
	}
}

// How an application copes with a service that is overloaded, and with an answer that got lost.
func ExampleServer_Inject() {
	_ = func(t *testing.T) {
		s := apitest.New(t)
		app := httptest.NewServer(newApplication(s.BaseURL, s.AccountSID, s.AuthToken))
		defer app.Close()

		s.Inject(2, apitest.TooManyRequests(0))
		s.Inject(1, apitest.DropAnswer())
		register(t, app, "compliance@acme.example")
		if s.Injected() > 0 {
			t.Error("the application has given up")
		}
	}
}

// What an implementer writes. The cases of the review are skipped: this backend has none.
func ExampleConformance() {
	_ = func(t *testing.T) {
		server := httptest.NewServer(newBackend())
		defer server.Close()
		apitest.Conformance(t, apitest.Target{
			BaseURL: server.URL, Username: "AC0123456789abcdef0123456789abcdef", Password: "token", StandIn: true,
		})
	}
}

func newApplication(_, _, _ string) http.Handler               { return http.NotFoundHandler() }
func newBackend() http.Handler                                 { return http.NotFoundHandler() }
func register(testing.TB, *httptest.Server, string)            {}
func shownStatus(testing.TB, *httptest.Server) (status string) { return "" }
