package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
)

var account = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "alicesecret"}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	return db
}

func isClosed(db *store.Store) bool {
	_, err := db.Accounts(context.Background())
	return err != nil
}

// slow is a hub whose fetches wait until the test releases them.
type slow struct {
	*hub.Hub
	begun, goOn chan struct{}
}

func (s slow) FetchTrustProduct(
	ctx context.Context, r server.FetchTrustProductRequestObject,
) (server.FetchTrustProductResponseObject, error) {
	close(s.begun)
	<-s.goOn
	return s.Hub.FetchTrustProduct(ctx, r)
}

// TestStop stops a server during a request: the request must be answered, new ones refused, and everything closed.
func TestStop(t *testing.T) {
	t.Parallel()
	db := openStore(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	a, err := app.New(t.Context(), app.Config{
		Store: db, Now: time.Now, Listen: "127.0.0.1:0",
		Wrap: func(h *hub.Hub) server.StrictServerInterface { return slow{h, begun, goOn} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	answered := make(chan int, 1)
	go func() {
		answered <- get(t, "http://"+a.Addr().String()+"/v1/TrustProducts/BUffffffffffffffffffffffffffffffff")
	}()
	<-begun
	stop()
	for refused := false; !refused; { // the listener is closed a moment after the context
		c, err := net.Dial("tcp", a.Addr().String())
		if refused = err != nil; !refused {
			_ = c.Close()
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Run returned %v before the request was answered", err)
	default:
	}
	close(goOn)
	if status := <-answered; status != http.StatusNotFound {
		t.Errorf("the request in flight got status %d, want 404", status)
	}
	if err := errors.Join(<-ended, a.Close(), a.Close()); err != nil { // a second Close does nothing
		t.Error(err)
	}
	if !isClosed(db) {
		t.Error("the store is open after Close")
	}
}

func get(t *testing.T, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Error(err)
		return 0
	}
	r.SetBasicAuth(account.SID, account.AuthToken)
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// TestServingFails closes the listener under a running server: Run stops the worker and returns the error.
func TestServingFails(t *testing.T) {
	t.Parallel()
	a, err := app.New(t.Context(), app.Config{Store: openStore(t), Now: time.Now, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run returned %v, want net.ErrClosed", err)
	}
}

// stopping is a log that says when the server begins to stop.
type stopping chan struct{}

func (s stopping) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "msg=stopping") {
		close(s)
	}
	return len(line), nil
}

// TestServingFailsWithARequest closes the listener of a server that is at a request: it is answered before the server returns.
func TestServingFailsWithARequest(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, stops, release := make(chan struct{}), make(stopping), make(chan struct{})
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-release
	})
	ended, answered := make(chan error, 1), make(chan int, 1)
	go func() {
		ended <- app.ServeHandler(t.Context(), handler, listener, slog.New(slog.NewTextHandler(stops, nil)))
	}()
	go func() { answered <- get(t, "http://"+listener.Addr().String()) }()
	<-begun
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	<-stops
	select {
	case err := <-ended:
		t.Errorf("it returned %v before the request was answered", err)
		ended <- err
	default:
	}
	close(release)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request in flight got status %d, want 200", status)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it returned %v, want that the listener is closed", err)
	}
}

// TestNewFails: if New returns an error, it must have closed the store and not use the port.
func TestNewFails(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // it has no connections
	for want, config := range map[string]app.Config{
		"Config.Now is required":            {},
		"connections are too low":           {Now: time.Now, MaxConnections: app.MinConnections - 1},
		"the public URL must be absolute":   {Now: time.Now, PublicURL: "nope"},
		"bind: address already in use":      {Now: time.Now, Listen: taken.Addr().String()},
		"address nonsense: missing port in": {Now: time.Now, Listen: "nonsense"},
	} {
		config.Store = openStore(t)
		if _, err := app.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
		if !isClosed(config.Store) {
			t.Errorf("%s: the store is open", want)
		}
	}
	if _, err := app.New(t.Context(), app.Config{Now: time.Now}); err == nil {
		t.Error("New accepts a Config without a store")
	}
}

// TestGuesses counts wrong passwords unless that is turned off.
func TestGuesses(t *testing.T) {
	t.Parallel()
	for allowed, want := range map[bool]int{false: http.StatusTooManyRequests, true: http.StatusUnauthorized} {
		a, err := app.New(t.Context(), app.Config{Store: openStore(t), Now: time.Now, AllowGuessing: allowed})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close() //nolint:errcheck // tested by TestStop
		status := 0
		for range 11 {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/TrustProducts", http.NoBody)
			r.SetBasicAuth(account.SID, "wrong")
			a.Handler().ServeHTTP(w, r)
			status = w.Code
		}
		if status != want {
			t.Errorf("AllowGuessing %v: the eleventh wrong password gets %d, want %d", allowed, status, want)
		}
	}
}

// TestRequestLog finds a refused request with its reason, unless the log is off.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	for _, kept := range []int{0, 5} {
		a, err := app.New(t.Context(), app.Config{Store: openStore(t), Now: time.Now, RequestLog: kept})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close() //nolint:errcheck // tested by TestStop
		for range 7 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/TrustProducts?Status=bogus", http.NoBody)
			r.SetBasicAuth(account.SID, account.AuthToken)
			a.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
		if kept == 0 {
			if a.RequestLog() != nil {
				t.Error("requests are kept although the log is off")
			}
			continue
		}
		got := a.RequestLog().List(requestlog.Filter{AccountSID: account.SID}, 0, 100)
		if len(got) != kept || got[0].Code != 20001 || !strings.HasPrefix(got[0].Message, "Invalid parameter Status: ") {
			t.Errorf("kept are %+v", got)
		}
	}
}
