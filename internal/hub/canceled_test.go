package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestCallerHasGone has callers go before the database is asked, whatever for: none of that is logged as an error.
func TestCallerHasGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		if err := db.PutAccount(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		handler := newHandler(t, app.Config{
			Store: db, Now: func() time.Time { return start }, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		})
		ask := func(ctx context.Context, method, path, body string) {
			r := httptest.NewRequest(method, "http://trusthub.example"+path, strings.NewReader(body)).WithContext(ctx)
			r.SetBasicAuth(alice.SID, alice.AuthToken)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		const product = "/v1/TrustProducts/BUffffffffffffffffffffffffffffffff"
		gone, leave := context.WithCancel(t.Context())
		leave()
		ask(gone, http.MethodGet, product, "") // while the account is not known yet
		ask(t.Context(), http.MethodGet, product, "")
		ask(gone, http.MethodPost, "/v1/TrustProducts", "FriendlyName=Acme&Email=a@b.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea")
		ask(gone, http.MethodGet, "/v1/TrustProducts", "")
		ask(gone, http.MethodGet, product, "")
		ask(gone, http.MethodPost, product, "FriendlyName=Acme")
		ask(gone, http.MethodDelete, product, "")
		ask(gone, http.MethodGet, "/healthz", "")
		var statuses []int
		for decoder := json.NewDecoder(&log); decoder.More(); {
			var line struct {
				Level, Method, Route, Cause string
				Status                      int
			}
			if err := decoder.Decode(&line); err != nil || line.Level != "INFO" {
				t.Errorf("%+v, error %v", line, err)
			}
			statuses = append(statuses, line.Status)
		}
		if want := []int{499, 404, 499, 499, 499, 499, 499, 499}; !slices.Equal(statuses, want) {
			t.Errorf("logged are the statuses %v, want %v", statuses, want)
		}
	})
}
