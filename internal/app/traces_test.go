package app_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
)

// TestTraceParent follows a submission to the receiver of its callback, and in the log. One that is invalid goes nowhere.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	const valid, invalid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-sekrit-b7ad6b7169203331-01"
	for sent, want := range map[string]string{valid: valid, invalid: ""} {
		received := make(chan http.Header, 1)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.Header }))
		t.Cleanup(receiver.Close)
		var log bytes.Buffer
		a, err := app.New(t.Context(), app.Config{
			Store: openStore(t), Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Callbacks: func(net.Addr) callback.Config {
				return callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		created := ask(t, a, http.MethodPost, "/v1/TrustProducts", account.AuthToken, strings.NewReader(
			"FriendlyName=Acme&Email=a@acme.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea&StatusCallback="+receiver.URL))
		sid := regexp.MustCompile(`BU[0-9a-f]{32}`).FindString(created.Body.String())
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/TrustProducts/"+sid, strings.NewReader("Status=pending-review"))
		r.SetBasicAuth(account.SID, account.AuthToken)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Traceparent", sent)
		w := httptest.NewRecorder()
		if a.Handler().ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if err := a.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := (<-received).Get("Traceparent"); got != want {
			t.Errorf("sent with %q, received with %q", sent, got)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "traceparent="+valid); got != (want != "") || strings.Contains(log.String(), "sekrit") {
			t.Errorf("sent with %q, the log is:\n%s", sent, &log)
		}
	}
}
