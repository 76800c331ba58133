package interop

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	sdk "github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/signature"
)

const cannedSID = "BU0190b5b2c1d07e3f9a44c0de5ab1e5ed"

// cannedAnswer is the Trust Product of the contract's example, and cannedHeader the header of its response.
const cannedAnswer = `{"sid":"` + cannedSID + `","account_sid":"` + accountSID + `","policy_sid":"` + policySID + `",` +
	`"friendly_name":"Acme, Inc.","status":"draft","valid_until":null,"email":"` + email + `","status_callback":"` + callback + `",` +
	`"date_created":"2019-07-30T22:29:24Z","date_updated":"2019-07-30T22:29:24Z",` +
	`"url":"https://trusthub.twilio.com/v1/TrustProducts/` + cannedSID + `","links":{` +
	`"trust_products_entity_assignments":"https://trusthub.twilio.com/v1/TrustProducts/` + cannedSID + `/EntityAssignments",` +
	`"trust_products_evaluations":"https://trusthub.twilio.com/v1/TrustProducts/` + cannedSID + `/Evaluations",` +
	`"trust_products_channel_endpoint_assignment":"https://trusthub.twilio.com/v1/TrustProducts/` + cannedSID +
	`/ChannelEndpointAssignments"},"errors":null}`

func cannedHeader() http.Header {
	return http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "Twilio-Request-Id": {"RQ0123456789abcdef0123456789abcdef"},
		"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Methods": {"GET, POST, DELETE, OPTIONS"},
		"Access-Control-Allow-Headers":     {"Authorization, Content-Type, Idempotency-Key"},
		"Access-Control-Allow-Credentials": {"false"}, "Access-Control-Expose-Headers": {"Twilio-Request-Id"},
	}
}

func cannedStatus(r *http.Request) int {
	if r.Method == http.MethodPost && r.URL.Path == "/v1/TrustProducts" {
		return http.StatusCreated
	}
	return http.StatusOK
}

// fromMemory responds without a network, so that only the client's allocations are counted.
type fromMemory struct{}

func (fromMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: cannedStatus(r), Request: r, Header: cannedHeader(), ContentLength: int64(len(cannedAnswer)),
		Body: io.NopCloser(bytes.NewReader([]byte(cannedAnswer))),
	}, nil
}

// call is an operation with both clients.
type call struct {
	name         string
	ours, theirs func() error
}

// callTimeout is the SDK's default for a call. Our client gets it through the call's context, as usual.
const callTimeout = 10 * time.Second

// calls returns the operations, each with callTimeout.
func calls(tb testing.TB, base string, transport http.RoundTripper) []call {
	tb.Helper()
	ours, err := client.New(client.WithBaseURL(base), client.WithCredentials(accountSID, authToken),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		tb.Fatal(err)
	}
	within := func(do func(context.Context) error) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(tb.Context(), callTimeout)
			defer cancel()
			return do(ctx)
		}
	}
	sender := &sdk.Client{
		Credentials: sdk.NewCredentials(accountSID, authToken), HTTPClient: &http.Client{Transport: transport, Timeout: callTimeout},
	}
	sender.SetAccountSid(accountSID)
	theirs := trusthub.NewApiService(&sdk.RequestHandler{Client: sender})
	return []call{{
		"create",
		within(func(ctx context.Context) error {
			_, err := ours.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
				FriendlyName: "Acme, Inc.", Email: email, PolicySID: policySID, StatusCallback: new(callback),
			})
			return err
		}),
		func() error {
			_, err := theirs.CreateTrustProduct(new(trusthub.CreateTrustProductParams).SetFriendlyName("Acme, Inc.").
				SetEmail(email).SetPolicySid(policySID).SetStatusCallback(callback))
			return err
		},
	}, {
		"update",
		within(func(ctx context.Context) error {
			_, err := ours.UpdateTrustProduct(ctx, cannedSID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
			return err
		}),
		func() error {
			_, err := theirs.UpdateTrustProduct(cannedSID, new(trusthub.UpdateTrustProductParams).SetStatus("pending-review"))
			return err
		},
	}, {
		"fetch",
		within(func(ctx context.Context) error { _, err := ours.FetchTrustProduct(ctx, cannedSID); return err }),
		func() error { _, err := theirs.FetchTrustProduct(cannedSID); return err },
	}}
}

// allocs returns the number of allocations of both clients for a call that is answered from memory.
func allocs(tb testing.TB, c call) (ours, theirs float64) {
	tb.Helper()
	count := func(do func() error) float64 {
		return testing.AllocsPerRun(200, func() {
			if err := do(); err != nil {
				tb.Fatal(err)
			}
		})
	}
	return count(c.ours), count(c.theirs)
}

// TestClientAllocations expects our client to allocate no more often than the official one, although it does more: retries, a
// key, a typed error. It does not run in parallel, because all allocations of the process are counted.
func TestClientAllocations(t *testing.T) {
	for _, c := range calls(t, "http://127.0.0.1:8080", fromMemory{}) {
		ours, theirs := allocs(t, c)
		t.Logf("%s: %.0f allocations, twilio-go %.0f", c.name, ours, theirs)
		if ours > theirs {
			t.Errorf("%s allocates %.0f times, more often than twilio-go's %.0f", c.name, ours, theirs)
		}
	}
}

// BenchmarkClient calls a server on the loopback interface alternately with both clients, and reports both times and their
// ratio. Allocations are counted for calls from memory, because otherwise the server's would be counted, too.
func BenchmarkClient(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), cannedHeader())
		w.WriteHeader(cannedStatus(r))
		_, _ = io.WriteString(w, cannedAnswer)
	}))
	b.Cleanup(server.Close)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	// The SDK's requests are sent without TLS, so that both clients use the same protocol.
	transport := &http.Transport{DialContext: dial, DialTLSContext: dial}
	b.Cleanup(transport.CloseIdleConnections)
	counted := calls(b, server.URL, fromMemory{})
	for i, c := range calls(b, server.URL, transport) {
		b.Run(c.name, func(b *testing.B) {
			var ours, theirs time.Duration
			for b.Loop() {
				began := time.Now()
				if err := c.ours(); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				if err := c.theirs(); err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+between.Sub(began), theirs+time.Since(between)
			}
			oursAllocs, theirsAllocs := allocs(b, counted[i])
			b.ReportMetric(0, "ns/op") // of both together, which means nothing
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ours-ns")
			b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N), "twilio-ns")
			b.ReportMetric(float64(ours)/float64(theirs), "ns-ratio")
			b.ReportMetric(oursAllocs, "ours-allocs")
			b.ReportMetric(theirsAllocs, "twilio-allocs")
			b.ReportMetric(oursAllocs/theirsAllocs, "allocs-ratio")
		})
	}
}

// TestClientCreatesAndSubmits uses the program with our client, over a real connection.
func TestClientCreatesAndSubmits(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testClientCreatesAndSubmits)
}

func testClientCreatesAndSubmits(t *testing.T, server *url.URL) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.WithBaseURL(server.String()), client.WithCredentials(accountSID, authToken),
		client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	request := client.CreateTrustProductRequest{FriendlyName: "Acme", Email: email, PolicySID: policySID}
	first, err := c.CreateTrustProduct(t.Context(), request, client.WithIdempotencyKey("once"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.CreateTrustProduct(t.Context(), request, client.WithIdempotencyKey("once"))
	if err != nil || first.SID != second.SID {
		t.Errorf("a repeat created %v (error %v) in addition to %s", second, err, first.SID)
	}
	got, err := c.UpdateTrustProduct(t.Context(), first.SID, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	if err != nil || got.Status != client.BundleStatusPendingReview && got.Status != client.BundleStatusInReview {
		t.Errorf("submitted: %v, error %v", got, err)
	}
}

// TestParseCallbackAgreesWithTheSDK signs generated callbacks, changes some of them, with or without a port in the URL, and
// expects our client and the SDK to accept the same ones.
func TestParseCallbackAgreesWithTheSDK(t *testing.T) {
	t.Parallel()
	validator := sdk.NewRequestValidator(authToken)
	random := rand.New(rand.NewPCG(5, 1000)) // the same in each run
	verdicts := map[bool]int{}
	for range 2000 {
		signed := callbackURL{
			scheme: "http://", host: "example.com", port: []string{"", ":80", ":443", ":8080"}[random.IntN(4)],
			path: "/status", query: []string{"", "?a=1", "?a=%20+b&&c", "?q=/?@:;'"}[random.IntN(4)],
		}
		form := url.Values{}
		for name, values := range newForm(random) {
			form[name] = values[:1] // our client refuses a repeated name, the SDK does not
		}
		form.Set("BundleSid", cannedSID)
		sum := signature.Sign(authToken, signed.configured(), form)

		seen := signed
		switch random.IntN(5) {
		case 0:
			seen.port = []string{"", ":80", ":443", ":8080"}[random.IntN(4)]
		case 1:
			form.Set("Status", "twilio-approved")
		case 2:
			sum = signature.Sign(authToken+"x", signed.configured(), form)
		}
		r := httptest.NewRequest(http.MethodPost, "/status", bytes.NewReader([]byte(form.Encode())))
		r.RequestURI, r.Host = seen.path+seen.query, seen.host+seen.port
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(signature.Header, sum)
		_, err := client.ParseCallback(r, authToken)
		want := validator.ValidateBody(seen.requested(), []byte(form.Encode()), sum)
		if (err == nil) != want {
			t.Errorf("signed for %q, arrived at %q with %q: ours says %v, the SDK %v", signed.configured(), seen.requested(), form, err, want)
		}
		verdicts[want]++
	}
	if verdicts[true] < 500 || verdicts[false] < 500 {
		t.Errorf("the verdicts are one-sided: %v", verdicts)
	}
}
