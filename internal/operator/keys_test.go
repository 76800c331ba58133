package operator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestTooManyAPIKeys: the key above the limit is refused with an error that says what to do.
func TestTooManyAPIKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newTestServer(t, db)
		add := func() *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, serverURL+"/operator/v1/accounts/"+alice.SID+"/keys",
				strings.NewReader(`{}`))
			r.Header.Set("Authorization", "Bearer "+operatorToken)
			r.Header.Set("Content-Type", "application/json")
			return s.do(t, r)
		}
		for range store.MaxAPIKeys {
			if w := add(); w.Code != http.StatusCreated {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
		}
		w := add()
		const want = `"message":"The account has reached its limit of 100 API keys; remove some first"`
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}
