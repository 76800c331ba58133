// Package hub_test runs the whole server behind the contract, short of the network: hub on a real SQLite file, mounted by
// package api.
package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/guessing"
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
	now     time.Time
}

func newTestServer(t *testing.T, db *store.Store, quotas hub.Quotas) *testServer {
	t.Helper()
	for _, account := range []store.Account{alice, bob} {
		if err := db.PutAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	s := &testServer{url: "http://trusthub.example", now: start}
	var err error
	now := func() time.Time { return s.now }
	h := hub.New(db, trust.Policy{}, quotas, now)
	guesses := guessing.New(db, h.Authenticate, now, slog.New(slog.DiscardHandler))
	s.handler, err = api.New(faulty{h}, api.Config{
		Authenticate: guesses.Authenticate, MapError: hub.MapError, Health: h.Health, PublicURL: s.url,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *testServer) do(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	s.now = s.now.Add(time.Second)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r.WithContext(t.Context()))
	return w
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
