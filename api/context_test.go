package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
)

// TestContextDoesNotChange: the context passed to Authenticate must not change when the account is known.
func TestContextDoesNotChange(t *testing.T) {
	var before context.Context
	handler := newHandler(t, backend{create: func(
		ctx context.Context, r server.CreateTrustProductRequestObject,
	) (server.CreateTrustProductResponseObject, error) {
		if got := api.AccountSID(before); got != "" {
			t.Errorf("the context of Authenticate has account %q", got)
		}
		if api.AccountSID(ctx) != account || api.RequestID(ctx) != api.RequestID(before) || api.BaseURL(ctx) == "" {
			t.Errorf("account %q, request %q, base URL %q", api.AccountSID(ctx), api.RequestID(ctx), api.BaseURL(ctx))
		}
		return backend{}.CreateTrustProduct(ctx, r)
	}}, api.Config{Authenticate: func(ctx context.Context, _, _ string) (string, error) {
		before = ctx
		return account, nil
	}})
	if w, failure := answerOf(t, handler, newRequest(strings.NewReader(form))); w.Code != http.StatusCreated {
		t.Errorf("status %d: %+v", w.Code, failure)
	}
}

// vandal is a ResponseWriter that changes the values of all headers in place.
type vandal struct{}

func (vandal) VisitCreateTrustProductResponse(w http.ResponseWriter) error {
	for _, values := range w.Header() {
		values[0] = "spoiled"
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func TestResponsesShareNoHeader(t *testing.T) {
	handler := newHandler(t, backend{create: func(
		context.Context, server.CreateTrustProductRequestObject,
	) (server.CreateTrustProductResponseObject, error) {
		return vandal{}, nil
	}}, api.Config{})
	for range 2 {
		answerOf(t, handler, newRequest(strings.NewReader(form)))
		r := newRequest(strings.NewReader(form))
		r.SetBasicAuth(account, "wrong")
		w, _ := answerOf(t, handler, r)
		for name, values := range w.Header() {
			if values[0] == "spoiled" {
				t.Errorf("%s is shared between responses", name)
			}
		}
	}
}
