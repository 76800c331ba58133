package callback_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/signature"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const token = "0123456789abcdef0123456789abcdef"

// newSender returns a sender that may call receivers on loopback.
func newSender(t *testing.T, config callback.Config) *callback.Sender {
	t.Helper()
	config.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if config.Now == nil {
		config.Now = time.Now
	}
	sender := callback.NewSender(config)
	t.Cleanup(sender.Close)
	return sender
}

func receiver(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

// notice returns a notice of a rejection for a URL.
func notice(target string) trust.Notice {
	return trust.Notice{
		ID:           trust.NoticePrefix + strings.Repeat("1", 32),
		Channel:      trust.Callback,
		Target:       target,
		AccountSID:   "AC" + strings.Repeat("2", 32),
		BundleSID:    "BU" + strings.Repeat("3", 32),
		FriendlyName: "Acme & Söhne",
		Status:       trust.TwilioRejected,
		Errors:       []int{18601, 18602},
		TraceParent:  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

// seen is a request as the receiver sees it.
type seen struct {
	url    string // as the receiver can reconstruct it
	header http.Header
	form   url.Values
	method string
}

func see(t *testing.T, r *http.Request) seen {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	return seen{"http://" + r.Host + r.RequestURI, r.Header, form, r.Method}
}

func TestRequest(t *testing.T) {
	requests := make(chan seen, 1)
	server := receiver(t, func(_ http.ResponseWriter, r *http.Request) { requests <- see(t, r) })
	sender := newSender(t, callback.Config{})

	n := notice(server.URL + "/status?tenant=7")
	if attempt := sender.Send(t.Context(), n, token); attempt.Verdict != trust.Delivered {
		t.Fatalf("%+v", attempt)
	}
	got := <-requests
	want := url.Values{
		"AccountSid": {n.AccountSID}, "BundleSid": {n.BundleSID}, "Status": {"twilio-rejected"}, "FailureReason": {n.FailureReason()},
	}
	if got.method != http.MethodPost || !reflect.DeepEqual(got.form, want) {
		t.Errorf("%s %v, want POST %v", got.method, got.form, want)
	}
	headers := map[string]string{
		"Content-Type":               "application/x-www-form-urlencoded",
		"User-Agent":                 "TwilioProxy/1.1",
		"I-Twilio-Idempotency-Token": n.ID,
		"X-Twilio-Signature":         signature.Sign(token, n.Target, want),
		"Authorization":              "",
		"Accept-Encoding":            "",
		"Traceparent":                n.TraceParent,
	}
	for name, want := range headers {
		if got := got.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	n.Status, n.Errors = trust.TwilioApproved, nil
	sender.Send(t.Context(), n, token)
	if got := <-requests; got.form.Has("FailureReason") || got.form.Get("Status") != "twilio-approved" {
		t.Errorf("an approval: %v", got.form)
	}
}

// TestSignedURL: for any form of URL, the signed URL must be the one that the receiver reconstructs from the request.
func TestSignedURL(t *testing.T) {
	requests := make(chan seen, 1)
	server := receiver(t, func(_ http.ResponseWriter, r *http.Request) { requests <- see(t, r) })
	sender := newSender(t, callback.Config{})
	host := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(host)

	for _, test := range []struct{ target, want string }{
		{"http://" + host, "http://" + host + "/"},
		{"http://" + host + "?a=b", "http://" + host + "/?a=b"},
		{"http://" + host + "/?", "http://" + host + "/?"},
		{"http://" + host + "/a#fragment?x", "http://" + host + "/a"},
		{"http://" + host + "//a/../b//", "http://" + host + "//a/../b//"},
		{"http://" + host + "/%7Ea%2Fb%2fc+d", "http://" + host + "/%7Ea%2Fb%2fc+d"},
		{"http://" + host + "/a%20b", "http://" + host + "/a%20b"},
		{"http://" + host + "/päth", "http://" + host + "/p%C3%A4th"},
		{"http://" + host + "/?q=ü🏢&r=\"<>'`", "http://" + host + "/?q=%C3%BC%F0%9F%8F%A2&r=\"<>'`"},
		{"http://" + host + "/?b=2&a=1&b=%zz;&&=", "http://" + host + "/?b=2&a=1&b=%zz;&&="},
		{"http://me:s%40cr%C3%A9t@" + host + "/a", "http://" + host + "/a"},
		{"HTTP://LocalHost:" + port + "/A", "http://LocalHost:" + port + "/A"},
		{"http://ⓛocalhost:" + port + "/", "http://localhost:" + port + "/"},
	} {
		attempt := sender.Send(t.Context(), notice(test.target), token)
		if attempt.Verdict != trust.Delivered {
			t.Errorf("%s: %+v", test.target, attempt)
			continue
		}
		got := <-requests
		if got.url != test.want {
			t.Errorf("%s: requested as %s, want %s", test.target, got.url, test.want)
		}
		if got.header.Get(signature.Header) != signature.Sign(token, got.url, got.form) {
			t.Errorf("%s: the signature is not for %s", test.target, got.url)
		}
		wantAuth := ""
		if strings.Contains(test.target, "@") {
			wantAuth = "Basic " + base64.StdEncoding.EncodeToString([]byte("me:s@crét"))
		}
		if auth := got.header.Get("Authorization"); auth != wantAuth {
			t.Errorf("%s: Authorization %q, want %q", test.target, auth, wantAuth)
		}
	}
}

func TestVerdict(t *testing.T) {
	server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(map[string]int{
			"/200": 200, "/201": 201, "/202": 202, "/204": 204, "/299": 299, "/300": 300, "/304": 304, "/400": 400, "/401": 401,
			"/404": 404, "/410": 410, "/429": 429, "/500": 500, "/503": 503, "/599": 599, "/999": 999,
		}[r.URL.Path])
	})
	sender := newSender(t, callback.Config{})
	for _, test := range []struct {
		path    string
		status  int
		verdict trust.Verdict
		failure string
	}{
		{"/200", 200, trust.Delivered, ""},
		{"/201", 201, trust.Delivered, ""},
		{"/202", 202, trust.Delivered, ""},
		{"/204", 204, trust.Delivered, ""},
		{"/299", 299, trust.Delivered, ""},
		{"/300", 300, trust.TryAgain, "the receiver answered 300 Multiple Choices; redirects are not followed"},
		{"/304", 304, trust.TryAgain, "the receiver answered 304 Not Modified; redirects are not followed"},
		{"/400", 400, trust.TryAgain, "the receiver answered 400 Bad Request"},
		{"/401", 401, trust.TryAgain, "the receiver answered 401 Unauthorized"},
		{"/404", 404, trust.TryAgain, "the receiver answered 404 Not Found"},
		{"/410", 410, trust.Refused, "the receiver answered 410 Gone, which ends the delivery"},
		{"/429", 429, trust.TryAgain, "the receiver answered 429 Too Many Requests"},
		{"/500", 500, trust.TryAgain, "the receiver answered 500 Internal Server Error"},
		{"/503", 503, trust.TryAgain, "the receiver answered 503 Service Unavailable"},
		{"/599", 599, trust.TryAgain, "the receiver answered 599"},
		{"/999", 999, trust.TryAgain, "the receiver answered 999"},
	} {
		got := sender.Send(t.Context(), notice(server.URL+test.path), token)
		want := trust.Attempt{
			Started: got.Started, Duration: got.Duration, Connected: true, Connecting: got.Connecting,
			StatusCode: test.status, Verdict: test.verdict, Error: test.failure,
		}
		if test.verdict == trust.TryAgain {
			want.RetryAfter = 7 * time.Second
		}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", test.path, got, want)
		}
	}
}

func TestClock(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var reads atomic.Int64
	sender := newSender(t, callback.Config{Now: func() time.Time {
		return started.Add(time.Duration(reads.Add(1)-1) * time.Second)
	}})
	server := receiver(t, func(http.ResponseWriter, *http.Request) {})
	got := sender.Send(t.Context(), notice(server.URL), token)
	if !got.Started.Equal(started) || got.Connecting != time.Second || got.Duration != 2*time.Second {
		t.Errorf("started %v, connected after %v, took %v", got.Started, got.Connecting, got.Duration)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int32
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	sender := newSender(t, callback.Config{})
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, status)
		})
		got := sender.Send(t.Context(), notice(server.URL), token)
		if got.StatusCode != status || got.Verdict != trust.TryAgain || !strings.HasSuffix(got.Error, "redirects are not followed") {
			t.Errorf("%+v", got)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the other server got %d requests", n)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 10<<10)) // more than is recorded
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	sender := newSender(t, callback.Config{})
	for range 50 {
		if got := sender.Send(t.Context(), notice(server.URL), token); got.Verdict != trust.Delivered || !got.Connected {
			t.Fatalf("%+v", got)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 50 callbacks in a row", n)
	}

	const inFlight, each = 128, 20
	var sending sync.WaitGroup
	for range inFlight {
		sending.Go(func() {
			for range each {
				if got := sender.Send(t.Context(), notice(server.URL), token); got.Verdict != trust.Delivered {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	sending.Wait()
	// A dial continues even if its request gets another connection that became free, so there may be some more.
	if n := opened.Load(); n > 2*inFlight {
		t.Errorf("%d connections for %d callbacks, %d in flight", n, inFlight*each, inFlight)
	}
}

// TestNothingIsSentTwice: net/http must not resend a request whose connection broke, because the receiver may have read it.
func TestNothingIsSentTwice(t *testing.T) {
	var requests atomic.Int32
	server := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			return // so that there is a connection to reuse
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	})
	sender := newSender(t, callback.Config{})
	for _, want := range []trust.Verdict{trust.Delivered, trust.TryAgain} {
		if got := sender.Send(t.Context(), notice(server.URL), token); got.Verdict != want {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests for two callbacks", n)
	}
}

func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the server notices a disconnect only after it has read the body
		cancel()
		<-r.Context().Done()
	})
	got := newSender(t, callback.Config{}).Send(ctx, notice(server.URL), token)
	if got.Verdict != trust.TryAgain || got.Error != "the attempt was stopped before the receiver answered" {
		t.Errorf("%+v", got)
	}
}

func BenchmarkSend(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	sender := callback.NewSender(callback.Config{Now: time.Now, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer sender.Close()
	n := notice(server.URL)
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got := sender.Send(b.Context(), n, token); got.Verdict != trust.Delivered {
				b.Errorf("%+v", got)
			}
		}
	})
}
