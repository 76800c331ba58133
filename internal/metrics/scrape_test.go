package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/metrics"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

var account = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "alicesecret"}

func openStore(tb testing.TB) *store.Store {
	tb.Helper()
	db, err := store.Open(tb.Context(), filepath.Join(tb.TempDir(), "trusthub.db"), store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// sample is a line of a scrape.
type sample struct {
	name   string // with _bucket, _sum or _count
	labels map[string]string
	value  float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)
)

// scrape returns what Prometheus reads at an address, and its text.
func scrape(t *testing.T, address string) (all []sample, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+metrics.Path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, status %d: %s", err, response.StatusCode, body)
	}
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		match := sampleLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			t.Fatalf("not a sample: %s", line)
		}
		s := sample{name: match[1], labels: map[string]string{}}
		for _, pair := range labelPair.FindAllStringSubmatch(match[2], -1) {
			s.labels[pair[1]] = pair[2]
		}
		if s.value, err = strconv.ParseFloat(match[3], 64); err != nil {
			t.Fatalf("not a sample: %s", line)
		}
		all = append(all, s)
	}
	return all, string(body)
}

// sum returns the sum of the samples with a name and labels, given in pairs.
func sum(all []sample, name string, labels ...string) float64 {
	total := 0.0
	for _, s := range all {
		matches := s.name == name
		for i := 0; i < len(labels); i += 2 {
			matches = matches && s.labels[labels[i]] == labels[i+1]
		}
		if matches {
			total += s.value
		}
	}
	return total
}

// start runs a server with metrics.
func start(t *testing.T, config app.Config) *app.App {
	t.Helper()
	config.Now, config.Listen, config.MetricsListen = time.Now, "127.0.0.1:0", "127.0.0.1:0"
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config.Store = db
	a, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, a.Close()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// send sends a request with the account's credentials, or with a wrong token.
func send(t *testing.T, a *app.App, method, path, token, form string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.Addr().String()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(account.SID, token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// onboard has the server review a Trust Product whose callbacks are received, and waits until all of its e-mails and callbacks
// have ended.
func onboard(t *testing.T, a *app.App) (sid string, receiver *httptest.Server) {
	t.Helper()
	receiver = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	created := send(t, a, http.MethodPost, "/v1/TrustProducts", account.AuthToken,
		"FriendlyName=Zebra&Email=zebra@acme.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea&StatusCallback="+receiver.URL)
	sid = regexp.MustCompile(`BU[0-9a-f]{32}`).FindString(created)
	if sid == "" {
		t.Fatalf("created %s", created)
	}
	send(t, a, http.MethodPost, "/v1/TrustProducts/"+sid, account.AuthToken, "Status=pending-review")
	deadline := time.Now().Add(time.Minute)
	for {
		ended, err := a.Store().Deliveries(t.Context(), store.DeliveryFilter{BundleSID: sid, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		open := 0
		for _, d := range ended {
			if d.State != store.Delivered && d.State != store.NotSent {
				open++
			}
		}
		if len(ended) == 6 && open == 0 { // three changes on two channels
			return sid, receiver
		}
		if time.Now().After(deadline) {
			t.Fatalf("deliveries: %+v", ended)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// TestScrape does one of each and reads the numbers.
func TestScrape(t *testing.T) {
	t.Parallel()
	a := start(t, app.Config{
		Policy: trust.Policy{AutoReview: true, ValidFor: time.Hour}, Operator: app.Operator{Token: "operatortoken1234"},
		Callbacks: toLoopback, RequestLog: 10,
	})
	sid, receiver := onboard(t, a)
	send(t, a, http.MethodGet, "/v1/TrustProducts/"+sid, account.AuthToken, "")
	send(t, a, http.MethodGet, "/v1/TrustProducts/"+sid, "wrong", "")
	send(t, a, http.MethodGet, "/v1/giraffe", account.AuthToken, "")
	send(t, a, "GIRAFFE", "/v1/TrustProducts", account.AuthToken, "")
	send(t, a, http.MethodGet, "/operator/v1/reviews", account.AuthToken, "")

	all, text := scrape(t, a.MetricsAddr().String())
	const requests = "http_server_request_duration_seconds_count"
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{requests, []string{"http_route", "/v1/TrustProducts", "http_request_method", "POST", "http_response_status_code", "201"}, 1},
		{requests, []string{"http_route", "/v1/TrustProducts/:Sid", "http_request_method", "POST", "http_response_status_code", "200"}, 1},
		{requests, []string{"http_route", "/v1/TrustProducts/:Sid", "http_request_method", "GET", "http_response_status_code", "200"}, 1},
		{requests, []string{"http_route", "/v1/TrustProducts/:Sid", "http_response_status_code", "401"}, 1},
		{requests, []string{"http_route", "", "http_response_status_code", "404"}, 1},
		{requests, []string{"http_request_method", "_OTHER", "http_response_status_code", "405"}, 1},
		{requests, []string{"http_route", "/operator/v1/reviews", "http_response_status_code", "401"}, 1},
		{"trusthub_status_changes_total", []string{"kind", "trust-product", "from", "draft", "to", "pending-review"}, 1},
		{"trusthub_status_changes_total", []string{"kind", "trust-product", "from", "pending-review", "to", "in-review"}, 1},
		{"trusthub_status_changes_total", []string{"kind", "trust-product", "from", "in-review", "to", "twilio-approved"}, 1},
		{"trusthub_status_changes_total", nil, 3},
		{"trusthub_delivery_attempts_total", []string{"channel", "callback", "verdict", "delivered"}, 3},
		{"trusthub_delivery_attempts_total", []string{"channel", "email", "verdict", "not-sent"}, 3},
		{"trusthub_delivery_attempts_total", nil, 6},
		{"trusthub_deliveries_ended_total", []string{"channel", "callback", "state", "delivered"}, 3},
		{"trusthub_deliveries_ended_total", []string{"channel", "email", "state", "not-sent"}, 3},
		{"trusthub_delivery_delay_seconds_count", []string{"channel", "callback"}, 3},
		{"trusthub_database_up", nil, 1},
		{"trusthub_deliveries_open", nil, 0},
		{"trusthub_delivery_oldest_due_seconds", nil, 0},
		{"trusthub_store_connections_max", []string{"pool", "write"}, 1},
		{"go_build_info", nil, 1},
	} {
		if got := sum(all, want.name, want.labels...); got != want.value {
			t.Errorf("%s %q is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	batches, writes := sum(all, "trusthub_store_batches_total"), sum(all, "trusthub_store_batched_writes_total")
	if batches == 0 || writes < batches || sum(all, "trusthub_store_log_bytes") == 0 {
		t.Errorf("%v writes in %v batches, a log of %v bytes", writes, batches, sum(all, "trusthub_store_log_bytes"))
	}
	for _, private := range []string{sid, account.SID, receiver.Listener.Addr().String(), a.Addr().String(), "acme", "Zebra", "giraffe", "GIRAFFE"} {
		if strings.Contains(text, private) {
			t.Errorf("the scrape contains %s", private)
		}
	}
	if elsewhere := send(t, a, http.MethodGet, metrics.Path, account.AuthToken, ""); strings.Contains(elsewhere, "trusthub_") {
		t.Error("customers can read the metrics")
	}
}

// TestBacklog stops delivering: what is open and due shows, and a database that fails does not fail the scrape.
func TestBacklog(t *testing.T) {
	t.Parallel()
	db := openStore(t)
	now := time.Now()
	if err := db.PutAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	b := trust.NewBundle(trust.TrustProduct, "BUbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", account.SID, "RN7a97559effdf62d00f4298208492a5ea",
		"Acme", "compliance@acme.example", "", now)
	if err := db.Bundles.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	submit := func(b trust.Bundle) (trust.Outcome, error) {
		status := trust.PendingReview
		return trust.Policy{}.Apply(b, trust.Change{Status: &status}, trust.AccountHolder, now)
	}
	if _, err := db.UpdateBundle(t.Context(), store.BundlesOf(account.SID, trust.TrustProduct), b.SID, submit); err != nil {
		t.Fatal(err)
	}
	clock := now.Add(time.Hour)
	tick := func() time.Time { return clock }
	server := httptest.NewServer(metrics.New(db, tick, tick).Handler())
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()

	all, _ := scrape(t, address)
	open, due := sum(all, "trusthub_deliveries_open"), sum(all, "trusthub_delivery_oldest_due_seconds")
	if open != 1 || due < 3599 || due > 3601 {
		t.Errorf("%v are open, the oldest due for %v s", open, due)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Second)
	if all, _ := scrape(t, address); sum(all, "trusthub_database_up") != 1 || sum(all, "trusthub_deliveries_open") != 1 {
		t.Error("the database was read again at once")
	}
	clock = clock.Add(time.Minute)
	all, text := scrape(t, address)
	if sum(all, "trusthub_database_up") != 0 || strings.Contains(text, "trusthub_deliveries_open") {
		t.Errorf("without a database:\n%s", text)
	}
	if sum(all, "trusthub_status_changes_total") != 1 {
		t.Error("without a database, the counters are missing")
	}
}
