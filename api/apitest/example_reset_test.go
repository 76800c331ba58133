package apitest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
)

// From a registration to a new start. The same test in JavaScript is the first of examples/node/trusthub.test.js.
func ExampleServer_Reset() {} // see testApproval

// testApproval would be TestApproval in your package. Here TestExamples runs it.
func testApproval(t *testing.T) {
	s := apitest.New(t)
	receiver := startReceiver(t, s.AuthToken)
	products, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 1}), client.WithHTTPClient(s.Client()))
	check(t, err)
	product, err := products.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: "compliance@acme.example", PolicySID: "RN7a97559effdf62d00f4298208492a5ea", StatusCallback: &receiver.url,
	})
	check(t, err)
	_, err = products.UpdateTrustProduct(t.Context(), product.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	check(t, err)

	s.Advance(time.Minute) // the review is over, and the callbacks have arrived
	if want := []client.BundleStatus{"pending-review", "in-review", "twilio-approved"}; !slices.Equal(receiver.statuses, want) {
		t.Errorf("the callbacks report %v, want %v", receiver.statuses, want)
	}

	s.Inject(1, apitest.Unavailable(0)) // the next request is refused
	_, err = products.FetchTrustProduct(t.Context(), product.SID)
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Status != 503 || refused.Code != 20503 {
		t.Errorf("the refused request returns %v", err)
	}
	product, err = products.FetchTrustProduct(t.Context(), product.SID)
	check(t, err)
	if product.Status != client.BundleStatusTwilioApproved {
		t.Errorf("the product is %s", product.Status)
	}

	s.Reset() // nothing is left
	for product, err := range products.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
		t.Errorf("%v is left, %v", product, err)
	}
}

// receiver accepts callbacks that are signed with a token, and collects the statuses that they report.
type receiver struct {
	url      string
	statuses []client.BundleStatus
}

func startReceiver(t *testing.T, authToken string) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		callback, err := client.ParseCallback(request, authToken)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		r.statuses = append(r.statuses, callback.Status) // one at a time, each before Advance returns
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/status"
	return r
}
