package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestFindBundle asks servers that have the bundle as either kind, and servers that serve one kind only.
func TestFindBundle(t *testing.T) {
	const absent, unimplemented, broken = http.StatusNotFound, http.StatusNotImplemented, http.StatusInternalServerError
	for _, test := range []struct {
		product, profile int        // the statuses of the responses
		kind             trust.Kind // empty for an error
		refused          int        // the status that the error is about
	}{
		{product: 200, profile: absent, kind: trust.TrustProduct},
		{product: absent, profile: 200, kind: trust.CustomerProfile},
		{product: unimplemented, profile: 200, kind: trust.CustomerProfile},
		{product: absent, profile: absent, refused: absent},
		{product: absent, profile: unimplemented, refused: absent},
		{product: absent, profile: broken, refused: broken},
		{product: broken, profile: 200, refused: broken},
	} {
		t.Run(fmt.Sprint(test.product, test.profile), func(t *testing.T) {
			b, err := findBundle(t.Context(), standIn(t, test.product, test.profile), watchedSID)
			refused, _ := errors.AsType[*client.Error](err)
			switch {
			case test.kind != "" && (err != nil || b.kind != test.kind || b.SID != watchedSID):
				t.Errorf("got %s %s, error %v, want a %s", b.kind, b.SID, err, test.kind)
			case test.kind == "" && (refused == nil || refused.Status != test.refused):
				t.Errorf("error %v, want status %d", err, test.refused)
			case test.refused == absent && !strings.Contains(err.Error(), "no Customer Profile with this SID either"):
				t.Errorf("error %v does not say that neither kind has the SID", err)
			}
		})
	}
}

// standIn returns a client of a server that returns a bundle with these statuses.
func standIn(t *testing.T, product, profile int) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/v1/CustomerProfiles/") {
			w.WriteHeader(profile)
		} else {
			w.WriteHeader(product)
		}
		fmt.Fprintf(w, `{"sid": %q}`, watchedSID)
	}))
	t.Cleanup(server.Close)
	api, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(testAccountSID, testAuthToken),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// TestUnexpectedResponse checks that the error for a response that is not a bundle does not repeat what the response has.
func TestUnexpectedResponse(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `[]`, `{"sid": 5}`, `{"sid": "BU", "date_updated": "secret"}`} {
		if _, err := newBundle(trust.TrustProduct, []byte(body)); !errors.Is(err, errUnexpected) || err.Error() != errUnexpected.Error() {
			t.Errorf("%s: error %v", body, err)
		}
	}
}
