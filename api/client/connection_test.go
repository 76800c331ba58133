package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// quick retries almost immediately, for tests with real connections.
var quick = client.WithRetries(client.RetryPolicy{MaxAttempts: 3, BaseWait: 1, MaxWait: time.Millisecond})

// breaker breaks the connection of the first requests in a given way, and then serves requests.
type breaker struct {
	how    func(w http.ResponseWriter)
	breaks int

	mu       sync.Mutex
	requests []sent
	cookies  []int
}

func (b *breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.requests = append(b.requests, sent{key: r.Header.Get("Idempotency-Key"), body: string(body)})
	b.cookies = append(b.cookies, len(r.Cookies()))
	breakIt := len(b.requests) <= b.breaks
	b.mu.Unlock()
	if breakIt {
		b.how(w)
		panic(http.ErrAbortHandler) // closes the connection
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodPost && r.URL.Path == "/v1/TrustProducts" {
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = io.WriteString(w, answer)
}

// take returns the requests since the last call, and the number of cookies in each.
func (b *breaker) take() ([]sent, []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	requests, cookies := b.requests, b.cookies
	b.requests, b.cookies = nil, nil
	return requests, cookies
}

func TestConnectionLost(t *testing.T) {
	for name, how := range map[string]func(http.ResponseWriter){
		"before the response": func(http.ResponseWriter) {},
		"within the response": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, answer[:50])
			_ = http.NewResponseController(w).Flush()
		},
		"within a chunked response": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, answer[:50])
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &breaker{how: how, breaks: 2}
			server := httptest.NewServer(b)
			t.Cleanup(server.Close)
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			base, _ := url.Parse(server.URL)
			jar.SetCookies(base, []*http.Cookie{{Name: "sticky", Value: "1"}})
			c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token), quick,
				client.WithHTTPClient(&http.Client{Jar: jar}))
			if err != nil {
				t.Fatal(err)
			}
			err = create(t.Context(), c)
			requests, cookies := b.take()
			if err != nil || len(requests) != 3 {
				t.Fatalf("create was sent %d times, error %v", len(requests), err)
			}
			for i, r := range requests {
				if r != requests[0] || r.key == "" || r.body == "" || cookies[i] != 1 {
					t.Errorf("request %d is %+v with %d cookies", i, r, cookies[i])
				}
			}
			err = update(t.Context(), c)
			if requests, _ = b.take(); err == nil || len(requests) != 1 {
				t.Errorf("update was sent %d times, error %v", len(requests), err)
			}
		})
	}
}

// TestConnectionNeverMade: if no connection is made, the request has not been sent, and even an update is retried.
func TestConnectionNeverMade(t *testing.T) {
	server := httptest.NewUnstartedServer(&breaker{})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	refuse := func() (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED} }
	for name, test := range map[string]struct {
		dial  func() (net.Conn, error)
		tries int32 // 3 until it succeeds
		want  any   // nil means no error
	}{
		"refused":   {refuse, 3, nil},
		"timed out": {func() (net.Conn, error) { return nil, context.DeadlineExceeded }, 3, nil},
		"closed in the handshake": {func() (net.Conn, error) {
			ours, theirs := net.Pipe()
			_ = theirs.Close()
			return ours, nil
		}, 3, nil},
		"unknown host": {func() (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		}, 1, new(*net.DNSError)},
		"invalid certificate": {func() (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(t.Context(), "tcp", server.Listener.Addr().String()) // whose certificate is for another host
		}, 1, new(*tls.CertificateVerificationError)},
	} {
		t.Run(name, func(t *testing.T) {
			var dials atomic.Int32
			transport := server.Client().Transport.(*http.Transport).Clone()
			t.Cleanup(transport.CloseIdleConnections)
			transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				if dials.Add(1) < 3 {
					return test.dial()
				}
				var d net.Dialer
				return d.DialContext(ctx, network, server.Listener.Addr().String())
			}
			host := "https://example.com" // the name in httptest's certificate
			if test.tries == 1 {
				host = "https://trusthub.example"
			}
			c, err := client.New(client.WithBaseURL(host), client.WithCredentials(account, token), quick,
				client.WithHTTPClient(&http.Client{Transport: transport}))
			if err != nil {
				t.Fatal(err)
			}
			err = update(t.Context(), c)
			if dials.Load() != test.tries || (err == nil) != (test.want == nil) || test.want != nil && !errors.As(err, test.want) {
				t.Errorf("dialled %d times, error %v", dials.Load(), err)
			}
		})
	}
}

func TestContextEndsACall(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a disconnected client only after it has read the body
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	c, err := client.New(client.WithBaseURL(hang.URL), client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := create(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := create(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := &breaker{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if err := create(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	keys := map[string]bool{}
	requests, _ := b.take()
	for _, r := range requests {
		keys[r.key] = true
	}
	if len(keys) != 50 {
		t.Errorf("50 creates had %d keys", len(keys))
	}
}
