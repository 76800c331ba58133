// Package operator_test runs the whole server behind both contracts, short of the network.
package operator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

const (
	serverURL     = "http://trusthub.example"
	operatorToken = "operatorsecret16"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	alice = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "alicesecret", Created: start}
)

// testServer is the server with one account and a clock that goes on by a second with each request.
type testServer struct {
	app     *app.App
	now     time.Time
	control *control.Control // nil outside test mode
}

func newTestServer(t testing.TB, db *store.Store) *testServer {
	t.Helper()
	if err := db.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s := &testServer{now: start}
	s.start(t, app.Config{Store: db, Now: func() time.Time { return s.now }, Policy: trust.Policy{ValidFor: 24 * time.Hour}})
	return s
}

// newTestModeServer is newTestServer in test mode: the clock stands, and reviews are automatic and take an hour. The seed is one
// product.
func newTestModeServer(t testing.TB, db *store.Store) *testServer {
	t.Helper()
	if err := db.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	policy := trust.Policy{AutoReview: true, ReviewDelay: time.Hour, ValidFor: 24 * time.Hour}
	file, err := seed.Parse("seed", []byte(`trust_products:
- {key: seeded, friendly_name: Seeded, email: a@acme.example, policy_sid: RN7a97559effdf62d00f4298208492a5ea}
`))
	if err != nil {
		t.Fatal(err)
	}
	clock := control.NewClock(start, func() time.Time { return start }) // it does not move by itself even if it runs
	s := &testServer{now: start}
	s.start(t, app.Config{Store: db, Policy: policy, Control: control.New(clock, func(ctx context.Context) error {
		_, err := file.Store(ctx, db, seed.Config{AccountSID: alice.SID, Policy: policy, Now: clock.Now()})
		return err
	})})
	return s
}

func (s *testServer) start(t testing.TB, config app.Config) {
	t.Helper()
	s.control = config.Control
	config.PublicURL, config.Operator = serverURL, app.Operator{Token: operatorToken}
	config.RequestLog, config.Name = 100, "server-1"
	config.Call, config.Random = s.receive, func() float64 { return 0.5 }
	var err error
	if s.app, err = app.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

// receive is a receiver that is down at /down and takes callbacks elsewhere.
func (s *testServer) receive(_ context.Context, n trust.Notice, _ string) trust.Attempt {
	now := s.now
	if s.control != nil {
		now = s.control.Clock.Now()
	}
	a := trust.Attempt{
		Started: now, Duration: 12500 * time.Microsecond, Verdict: trust.Delivered, Connected: true, StatusCode: http.StatusOK,
	}
	if strings.HasSuffix(n.Target, "/down") {
		a.Verdict, a.StatusCode, a.Answer = trust.TryAgain, http.StatusServiceUnavailable, "down for maintenance"
	}
	return a
}

func (s *testServer) do(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	s.now = s.now.Add(time.Second)
	w := httptest.NewRecorder()
	if !api.IsStream(r) {
		s.app.Handler().ServeHTTP(w, r)
		return w
	}
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	reader := &streamReader{ResponseRecorder: w, parts: 1, leave: leave}
	if r.URL.Query().Get("after") != "" || r.Header.Get("Last-Event-ID") != "" {
		reader.parts++ // it has got something, if there is something to resume with
	}
	s.app.Handler().ServeHTTP(reader, r.WithContext(ctx))
	return w
}

// streamReader is a reader of a stream who leaves after some parts, of which the first is the header.
type streamReader struct {
	*httptest.ResponseRecorder

	parts int
	leave func()
}

func (s *streamReader) Flush() {
	s.ResponseRecorder.Flush()
	if s.parts--; s.parts == 0 {
		s.leave()
	}
}

// work does what is due after a time.
func (s *testServer) work(t *testing.T, after string) {
	t.Helper()
	d, err := time.ParseDuration(after)
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(d)
	if err := s.app.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// contracts are those of customers and operators.
type contracts struct{ customers, operators *contracttest.Contract }

func loadContracts(t testing.TB) contracts {
	t.Helper()
	customers, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	operators, err := contracttest.Load(t.Context(), trusthub.OperatorContract())
	if err != nil {
		t.Fatal(err)
	}
	return contracts{customers, operators}
}

// check fails the test unless the contract of the path allows the response.
func (c contracts) check(t *testing.T, title string, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	contract := c.customers
	if strings.HasPrefix(r.URL.Path, "/operator/") {
		contract = c.operators
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: the response has %s", title, name)
			}
		}
	}
	if w.Header().Get("Twilio-Request-Id") == "" {
		t.Errorf("%s: no Twilio-Request-Id", title)
	}
	if err := contract.Check(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		t.Errorf("%s: %v", title, err)
	}
}
