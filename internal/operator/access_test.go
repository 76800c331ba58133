package operator_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestAccess calls every operation with credentials that are not the operator's: each gets 401, and 404 where the API is off.
func TestAccess(t *testing.T) {
	t.Parallel()
	contracts := loadContracts(t)
	s := newTestServer(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	off := newServerWithoutOperator(t)
	for name, authorize := range map[string]func(*http.Request){
		"no token":                func(*http.Request) {},
		"an empty token":          func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"a wrong token":           func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+operatorToken+"x") },
		"a part of the token":     func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+operatorToken[1:]) },
		"an account":              func(r *http.Request) { r.SetBasicAuth(alice.SID, alice.AuthToken) },
		"the token of an account": func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+alice.AuthToken) },
		"the token as password":   func(r *http.Request) { r.SetBasicAuth(alice.SID, operatorToken) },
		"the token alone":         func(r *http.Request) { r.Header.Set("Authorization", operatorToken) },
	} {
		t.Run(name, func(t *testing.T) {
			requests := operatorRequests(t, contracts.operators)
			if len(requests) < 23 {
				t.Errorf("found %d operations", len(requests))
			}
			for _, r := range requests {
				authorize(r)
				w := s.do(t, r)
				contracts.check(t, r.Method+" "+r.URL.Path, r, w)
				if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
					t.Errorf("%s %s: status %d, want 401 with a challenge", r.Method, r.URL.Path, w.Code)
				}
				w = httptest.NewRecorder()
				off.ServeHTTP(w, r)
				if w.Code != http.StatusNotFound {
					t.Errorf("%s %s: status %d without an operator token, want 404", r.Method, r.URL.Path, w.Code)
				}
			}
		})
	}
}

func newServerWithoutOperator(t *testing.T) http.Handler {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Config{Store: db, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a.Handler()
}

// operatorRequests returns a request for each operation of the contract.
func operatorRequests(t *testing.T, contract *contracttest.Contract) []*http.Request {
	t.Helper()
	const hex = "0190b5b2c1d07e3f9a44c0de5ab1e5ed"
	values := strings.NewReplacer("{bundle_sid}", "BU"+hex, "{id}", "ND"+hex)
	var requests []*http.Request
	for path, item := range contract.Document().Paths.Map() {
		for method := range item.Operations() {
			r := httptest.NewRequestWithContext(t.Context(), method, serverURL+values.Replace(path), http.NoBody)
			if contract.Operation(r) == "" {
				t.Fatalf("%s %s is no operation", method, r.URL.Path)
			}
			requests = append(requests, r)
		}
	}
	return requests
}
