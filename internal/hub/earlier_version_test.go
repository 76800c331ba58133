package hub_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestKeyOfAnEarlierVersion repeats a create that a server of an earlier version answered: servers are replaced while clients
// retry. So neither the fingerprint of a body nor the form of a saved answer may change.
func TestKeyOfAnEarlierVersion(t *testing.T) {
	const saved = `INSERT INTO idempotency_keys (account_sid, idempotency_key, operation, fingerprint, answer, created_at)
		VALUES ($1, 'key', 'CreateTrustProduct', '99484adf7fcdc8613bb4bbf0510a9bd12d784888e90631de997976cbd8cf48aa', $2, $3)`
	answer := strings.ReplaceAll(`{"Kind":"trust-product","SID":"BU01a1ffe24918b8bb81296154c25f74fa","AccountSID":"ALICE",
		"PolicySID":"RN7a97559effdf62d00f4298208492a5ea","FriendlyName":"Pending","Email":"legal@other.example",
		"StatusCallback":"http://127.0.0.1:17001/busy","Status":"draft","ValidUntil":"0001-01-01T00:00:00Z","Errors":null,
		"Created":"2026-11-21T20:53:02.360721604Z","Updated":"2026-11-21T20:53:02.360721604Z","Due":"0001-01-01T00:00:00Z"}`,
		"ALICE", alice.SID)
	created := time.Date(2026, 11, 21, 20, 53, 2, 0, time.UTC)
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			name := database(t)
			storetest.UseSQL(t, name, func(db *sql.DB) {
				if _, err := db.ExecContext(t.Context(), saved, alice.SID, answer, created.UnixMicro()); err != nil {
					t.Fatal(err)
				}
			})
			db := storetest.Open(t, name)
			if err := db.PutAccount(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
			handler := newHandler(t, app.Config{Store: db, Now: func() time.Time { return created.Add(store.KeyLife / 2) }})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://hub.example/v1/TrustProducts",
				strings.NewReader(url.Values{
					"FriendlyName": {"Pending"}, "Email": {"legal@other.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
					"StatusCallback": {"http://127.0.0.1:17001/busy"},
				}.Encode()))
			r.SetBasicAuth(alice.SID, alice.AuthToken)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Idempotency-Key", "key")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			var got gen.TrustProduct
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusCreated {
				t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
			}
			if got.SID != "BU01a1ffe24918b8bb81296154c25f74fa" || got.AccountSID != alice.SID || got.FriendlyName != "Pending" ||
				got.PolicySID != "RN7a97559effdf62d00f4298208492a5ea" || got.Email != "legal@other.example" || got.Status != "draft" ||
				*got.StatusCallback != "http://127.0.0.1:17001/busy" || !got.DateCreated.Equal(created) || !got.DateUpdated.Equal(created) {
				t.Errorf("the answer is %s", w.Body)
			}
		})
	}
}
