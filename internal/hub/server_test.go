// Package hub_test runs the whole server behind the contract, short of the network: hub on a real SQLite file, mounted by
// package api.
package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	alice = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "alicesecret", Created: start}
	bob   = store.Account{SID: "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", AuthToken: "bobsecret", Created: start}
)

// testServer is the server with two accounts and a clock that goes on by a second with each request.
type testServer struct {
	url     string
	handler http.Handler
	store   *store.Store
	now     time.Time
}

func newTestServer(t *testing.T, db *store.Store, quotas hub.Quotas) *testServer {
	t.Helper()
	for _, account := range []store.Account{alice, bob} {
		if err := db.PutAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	s := &testServer{url: "http://trusthub.example", store: db, now: start}
	s.handler = newHandler(t, app.Config{
		Store: db, Now: func() time.Time { return s.now }, Quotas: quotas, PublicURL: s.url,
		Wrap: func(h *hub.Hub) server.StrictServerInterface { return faulty{h} },
	})
	return s
}

// newHandler returns the whole server, short of the network. What closes the store is what opened it.
func newHandler(t testing.TB, config app.Config) http.Handler {
	t.Helper()
	a, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return a.Handler()
}

func (s *testServer) do(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	s.now = s.now.Add(time.Second)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(t.Context()))
	return w
}

// review changes the status of a product as a reviewer does.
func (s *testServer) review(t *testing.T, sid string, status trust.Status) {
	t.Helper()
	_, err := s.store.ReviewBundle(t.Context(), sid, func(b trust.Bundle) (trust.Outcome, error) {
		change := trust.Change{Status: &status}
		if status == trust.TwilioRejected {
			change.Reasons = []int{18601}
		}
		return trust.Policy{ValidFor: time.Hour}.Apply(b, change, trust.Reviewer, s.now)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// faulty is the hub, except for names that make it fail as a defect, a lost disk and too many lists would.
type faulty struct{ *hub.Hub }

func (f faulty) CreateTrustProduct(
	ctx context.Context, r server.CreateTrustProductRequestObject,
) (server.CreateTrustProductResponseObject, error) {
	switch r.Body.FriendlyName {
	case "a defect":
		panic(r.Body.Email)
	case "a lost disk":
		return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, errUnavailable)
	}
	return f.Hub.CreateTrustProduct(ctx, r)
}

func (f faulty) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	if r.Params.FriendlyName != nil && *r.Params.FriendlyName == "too many" {
		return nil, hub.ErrTooManyLists()
	}
	return f.Hub.ListTrustProduct(ctx, r)
}
