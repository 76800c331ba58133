package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
)

// TestAPIKeyIsItsAccount: a request with an API key counts for the limits of its account, and is logged as the account's. The secret
// is not logged, also if it is wrong.
func TestAPIKeyIsItsAccount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	db, log := openStore(t), &bytes.Buffer{}
	key := store.APIKey{SID: "SKcccccccccccccccccccccccccccccccc", AccountSID: account.SID, Created: now}
	if err := db.AddAPIKey(t.Context(), key, "keysecret"); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Config{
		Store: db, Now: func() time.Time { return now }, Limits: app.Limits{PerSecond: 2}, RequestLog: 10,
		Operator: app.Operator{Token: "operatortoken1234"}, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	send := func(username, password string, want int) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/TrustProducts", http.NoBody)
		r.SetBasicAuth(username, password)
		w := httptest.NewRecorder()
		if a.Handler().ServeHTTP(w, r); w.Code != want {
			t.Errorf("as %s: status %d, want %d: %s", username, w.Code, want, w.Body)
		}
	}
	send(key.SID, "keysecret", http.StatusOK)
	send(account.SID, account.AuthToken, http.StatusOK)
	send(key.SID, "keysecret", http.StatusTooManyRequests)
	send(key.SID, "wrongsecret", http.StatusUnauthorized)

	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/operator/v1/requests", http.NoBody)
	r.Header.Set("Authorization", "Bearer operatortoken1234")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	for text, want := range map[string]int{`"account_sid":"` + account.SID: 3, `"claimed_api_key_sid":"` + key.SID: 1} {
		if got := strings.Count(w.Body.String(), text); got != want {
			t.Errorf("the list of requests has %d times %s, want %d: %s", got, text, want, w.Body)
		}
	}
	if !strings.Contains(log.String(), "status=401") || !strings.Contains(log.String(), "api_key_sid="+key.SID) {
		t.Errorf("the log does not name the key that was refused:\n%s", log)
	}
	if strings.Contains(log.String()+w.Body.String(), "secret") {
		t.Errorf("a secret is logged:\n%s\n%s", log, w.Body)
	}
}
