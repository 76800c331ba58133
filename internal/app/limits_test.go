package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
)

// held is a hub whose fetches wait until the test releases them, as often as they are called.
type held struct {
	*hub.Hub
	begun, goOn chan struct{}
}

func (h held) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	h.begun <- struct{}{}
	<-h.goOn
	return h.Hub.FetchTrustProduct(ctx, r)
}

// ask passes a request to a server within the process.
func ask(t *testing.T, a *app.App, method, path, token string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.SetBasicAuth(account.SID, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

// Read fails the test.
func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a refused request was read")
	return 0, io.EOF
}

const concurrentHeader = "Twilio-Concurrent-Requests"

// TestLimitConcurrent checks what happens beside as many requests as an account can have at a time.
func TestLimitConcurrent(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	db := openStore(t)
	other := store.Account{SID: "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", AuthToken: "bobsecret"}
	if err := db.PutAccount(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Config{
		Store: db, Now: time.Now, Limits: app.Limits{Concurrent: 1},
		Operator: app.Operator{Token: "operatortoken1234"},
		Wrap:     func(h *hub.Hub) server.StrictServerInterface { return held{h, begun, goOn} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	const list, fetch = "/v1/TrustProducts", "/v1/TrustProducts/BUffffffffffffffffffffffffffffffff"
	ended := make(chan *httptest.ResponseRecorder)
	go func() { ended <- ask(t, a, http.MethodGet, fetch, account.AuthToken, http.NoBody) }()
	<-begun

	got := ask(t, a, http.MethodPost, list, account.AuthToken, unread{t})
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") != "1" || got.Header().Get(concurrentHeader) != "1" ||
		!strings.Contains(got.Body.String(), `"code":20429`) {
		t.Errorf("a second request: %d %v %s", got.Code, got.Header(), got.Body)
	}
	if got := ask(t, a, http.MethodGet, list, "wrong", http.NoBody); got.Code != http.StatusUnauthorized || got.Header().Get(concurrentHeader) != "" {
		t.Errorf("with a wrong token: %d %v", got.Code, got.Header())
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, list, http.NoBody)
	r.SetBasicAuth(other.SID, other.AuthToken)
	another := httptest.NewRecorder()
	if a.Handler().ServeHTTP(another, r); another.Code != http.StatusOK || another.Header().Get(concurrentHeader) != "1" {
		t.Errorf("another account: %d %v", another.Code, another.Header())
	}
	for range 2 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/operator/v1/reviews", http.NoBody)
		r.Header.Set("Authorization", "Bearer operatortoken1234")
		operators := httptest.NewRecorder()
		if a.Handler().ServeHTTP(operators, r); operators.Code != http.StatusOK || operators.Header().Get(concurrentHeader) != "" {
			t.Errorf("the operator API: %d %v", operators.Code, operators.Header())
		}
	}

	goOn <- struct{}{}
	if got := <-ended; got.Code != http.StatusNotFound || got.Header().Get(concurrentHeader) != "1" {
		t.Errorf("the first request: %d %v", got.Code, got.Header())
	}
	for _, path := range []string{list, list + "?PageSize=0", list} { // an invalid request is released, too
		if got := ask(t, a, http.MethodGet, path, account.AuthToken, http.NoBody); got.Code == http.StatusTooManyRequests {
			t.Errorf("after it: %d %s", got.Code, got.Body)
		}
	}
}

// counting counts responses with status 429.
type counting struct{ refused atomic.Int64 }

// RoundTrip sends a request.
func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusTooManyRequests {
		c.refused.Add(1)
	}
	return response, err
}

// TestClientWaits has our client call a server too often: it waits as long as the server says, and succeeds.
func TestClientWaits(t *testing.T) {
	t.Parallel()
	a, err := app.New(t.Context(), app.Config{
		Store: openStore(t), Now: time.Now, Listen: "127.0.0.1:0", Limits: app.Limits{PerSecond: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	var transport counting
	calls, err := client.New(client.WithBaseURL("http://"+a.Addr().String()),
		client.WithCredentials(account.SID, account.AuthToken), client.WithHTTPClient(&http.Client{Transport: &transport}))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 4 {
		if _, err := calls.FetchTrustProduct(t.Context(), "BUffffffffffffffffffffffffffffffff"); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	if transport.refused.Load() == 0 || time.Since(start) < time.Second/2 {
		t.Errorf("4 calls, 2 a second, took %v, with %d refused", time.Since(start), transport.refused.Load())
	}
	stop()
	if err := errors.Join(<-ended, a.Close()); err != nil {
		t.Error(err)
	}
}
