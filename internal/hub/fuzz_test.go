package hub_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

func FuzzServerSQLite(f *testing.F)   { fuzzServer(f, "sqlite") }
func FuzzServerPostgres(f *testing.F) { fuzzServer(f, "postgres") }

// fuzzServer sends arbitrary requests to the whole server on a database. Whatever comes, the response is one that the contract
// declares and never a 5xx; and what is acknowledged has happened.
//
// One database serves all requests of the process: none may leave anything behind that breaks a later one.
func fuzzServer(f *testing.F, engine string) {
	f.Helper()
	s := newFuzzedServer(f, engine)
	for _, seed := range fuzzSeeds() {
		f.Add(seed.method, seed.path, seed.query, seed.user, seed.password, seed.contentType, seed.key, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, user, password, contentType, key, body string) {
		r := fuzzRequest{method, path, query, user, password, contentType, key, body}
		if !r.receivable() {
			return
		}
		r = s.refresh(t, r)
		w := s.send(t, r)
		switch {
		case r.method == http.MethodPost && w.Code < http.StatusBadRequest:
			s.expectKept(t, w)
			if w.Code == http.StatusCreated && key == "" { // with a key it may be one that has been submitted before
				s.expectUsable(t, w)
			}
		case r.method == http.MethodDelete && w.Code == http.StatusNoContent:
			if deleted := s.get(t, r.target()); deleted.Code != http.StatusNotFound {
				t.Errorf("deleted, and then the response is %d", deleted.Code)
			}
		case r.method == http.MethodGet && w.Code == http.StatusOK && strings.HasPrefix(r.path, "/v1/"):
			s.expectPages(t, w)
		}
	})
}

// fuzzRequest is what a caller may choose.
type fuzzRequest struct{ method, path, query, user, password, contentType, key, body string }

func (r fuzzRequest) target() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// receivable tells whether net/http would hand the request on. It leaves out HEAD, whose answer has no body to look at, and
// CONNECT, whose target is no path.
func (r fuzzRequest) receivable() bool {
	_, err := url.ParseRequestURI(r.target())
	return err == nil && strings.HasPrefix(r.path, "/") && !strings.Contains(r.target(), " ") &&
		httpguts.ValidHeaderFieldName(r.method) && // a token, as a method is
		r.method != http.MethodHead && r.method != http.MethodConnect &&
		httpguts.ValidHeaderFieldValue(r.contentType) && httpguts.ValidHeaderFieldValue(r.key)
}

// fuzzedServer is the server as the program wires it, with one account.
type fuzzedServer struct {
	handler  http.Handler
	contract *contract
	now      time.Time
}

func newFuzzedServer(f *testing.F, engine string) *fuzzedServer {
	f.Helper()
	db := storetest.Open(f, storetest.Names()[engine](f))
	if err := db.PutAccount(f.Context(), alice); err != nil {
		f.Fatal(err)
	}
	rules, err := contracttest.New(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	s := &fuzzedServer{contract: &contract{rules, map[string]bool{}}, now: start}
	s.handler = newHandler(f, app.Config{Store: db, Now: func() time.Time { return s.now }, AllowGuessing: true})
	return s
}

func (s *fuzzedServer) send(t *testing.T, sent fuzzRequest) *httptest.ResponseRecorder {
	t.Helper()
	target, err := url.ParseRequestURI(sent.target())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://hub.example/", strings.NewReader(sent.body))
	r.Method, r.URL, r.RequestURI = sent.method, target, sent.target()
	r.SetBasicAuth(sent.user, sent.password)
	for name, value := range map[string]string{"Content-Type": sent.contentType, "Idempotency-Key": sent.key} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	s.now = s.now.Add(time.Second)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Errorf("%s %s answers %d: %s", sent.method, sent.target(), w.Code, w.Body)
	}
	s.contract.check(t, sent.method+" "+sent.target(), r, w)
	return w
}

func (s *fuzzedServer) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	return s.send(t, request(http.MethodGet, path, query, ""))
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return v
}
