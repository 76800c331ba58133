package operator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestRequestsOff lists the requests of a server that keeps none: an empty list would mean that nobody has called.
func TestRequestsOff(t *testing.T) {
	t.Parallel()
	a, err := app.New(t.Context(), app.Config{
		Store: storetest.Open(t, storetest.Names()["sqlite"](t)), Now: time.Now, PublicURL: serverURL,
		Operator: app.Operator{Token: operatorToken},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, serverURL+"/operator/v1/requests", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	loadContracts(t).check(t, "requests", r, w)
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "--request-log") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
