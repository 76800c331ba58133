package connections_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/connections"
)

// waitLimit is for expected events, on a busy machine.
const waitLimit = 30 * time.Second

// testServer is an http.Server on loopback whose connections are limited. A request is authenticated by any user name with the
// password "right". GET /held then waits until it is released, GET /open does so without authentication.
type testServer struct {
	t       *testing.T
	address string
	held    chan struct{} // receives for each request that is held
	release chan struct{} // closed to release them
	from    chan string   // if not nil, the remote addresses of the connections, one for each
}

func serve(t *testing.T, config connections.Config, from ...string) *testServer {
	t.Helper()
	config.Now, config.Logger = time.Now, slog.New(slog.DiscardHandler)
	limiter := connections.New(config)
	s := &testServer{t: t, held: make(chan struct{}, 100), release: make(chan struct{}), from: make(chan string, len(from))}
	for _, address := range from {
		s.from <- address
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	authenticate := limiter.Authenticate(func(_ context.Context, username, password string) (string, error) {
		if password != "right" {
			return "", api.ErrUnauthenticated
		}
		return username, nil
	})
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, authenticate) }),
	}
	done := make(chan error, 1)
	limited := limiter.Limit(server, claiming{listener, s.from})
	go func() { done <- server.Serve(limited) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

func (s *testServer) answer(
	w http.ResponseWriter, r *http.Request, authenticate func(ctx context.Context, username, password string) (string, error),
) {
	if r.URL.Path != "/open" {
		username, password, _ := r.BasicAuth()
		account, err := authenticate(r.Context(), username, password)
		if tooMany, ok := errors.AsType[*api.Error](err); ok && tooMany.Code == api.CodeTooManyRequests {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if err != nil || account == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	if r.URL.Path == "/held" || r.URL.Path == "/open" {
		s.held <- struct{}{}
		<-s.release
	}
}

// claiming is a listener whose connections have other remote addresses.
type claiming struct {
	net.Listener
	from chan string
}

func (l claiming) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case address := <-l.from:
		return claimed{c, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}, nil
	default:
		return c, nil
	}
}

type claimed struct {
	net.Conn
	remote net.Addr
}

func (c claimed) RemoteAddr() net.Addr { return c.remote }

// caller is a connection to the server.
type caller struct {
	t      *testing.T
	conn   net.Conn
	answer *bufio.Reader
}

func (s *testServer) dial() *caller {
	s.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		s.t.Fatal(err)
	}
	return &caller{s.t, conn, bufio.NewReader(conn)}
}

func (c *caller) send(text string) *caller {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// get sends a request, with credentials if the password is not empty.
func (c *caller) get(path, username, password string) *caller {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://hub.example"+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth(username, password)
	}
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		c.t.Fatal(err)
	}
	return c.send(text.String())
}

// status reads a response and returns its status.
func (c *caller) status() (int, error) {
	response, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

func (c *caller) expect(want int) {
	c.t.Helper()
	if got, err := c.status(); err != nil || got != want {
		c.t.Fatalf("status %d, want %d: %v", got, want, err)
	}
}

func (c *caller) expectClosed() {
	c.t.Helper()
	got, err := c.status()
	if err == nil {
		c.t.Fatalf("status %d, want a closed connection", got)
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		c.t.Fatal("the connection is still open")
	}
}

// TestNewcomerGetsIn: an authenticated request replaces connections with a lower priority on a full server.
func TestNewcomerGetsIn(t *testing.T) {
	for name, occupy := range map[string]func(*testServer){
		"silent connections":    func(s *testServer) { s.dial() },
		"slow headers":          func(s *testServer) { s.dial().send("GET / HTTP/1.1\r\nHost: hub.example\r\nX-Slow: ") },
		"idle ones after a 401": func(s *testServer) { s.dial().get("/", "AC1", "wrong").expect(http.StatusUnauthorized) },
		"idle ones after a 200": func(s *testServer) { s.dial().get("/", "AC1", "right").expect(http.StatusOK) },
		"open requests":         func(s *testServer) { s.dial().get("/open", "", ""); <-s.held },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, connections.Config{Max: 8})
			t.Cleanup(func() { close(s.release) })
			for range 8 {
				occupy(s)
			}
			for range 3 {
				s.dial().get("/", "AC2", "right").expect(http.StatusOK)
			}
		})
	}
}

// TestAuthenticatedRequestsAreKept fills the server with authenticated requests, and then opens connections with and without
// credentials. The first requests must be answered.
func TestAuthenticatedRequestsAreKept(t *testing.T) {
	s := serve(t, connections.Config{Max: 16})
	var callers []*caller
	for i := range 12 {
		callers = append(callers, s.dial().get("/held", fmt.Sprint("AC", i%2), "right"))
		<-s.held
	}
	for range 32 {
		s.dial()
		s.dial().get("/", "AC3", "wrong").expect(http.StatusUnauthorized)
		s.dial().get("/", "AC3", "right").expect(http.StatusTooManyRequests)
	}
	close(s.release)
	for _, c := range callers {
		c.expect(http.StatusOK)
	}
	s.dial().get("/", "AC3", "right").expect(http.StatusOK)
}

// TestOneAccountLeavesRoom: one account requests all connections, or all those of its address.
func TestOneAccountLeavesRoom(t *testing.T) {
	for name, config := range map[string]connections.Config{
		"of all":         {Max: 8, MaxPerAddress: 100},
		"of one address": {Max: 100, MaxPerAddress: 8},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, config, slices.Repeat([]string{"192.0.2.1:1"}, 6)...)
			t.Cleanup(func() { close(s.release) })
			for range 4 {
				s.dial().get("/held", "AC1", "right")
				<-s.held
			}
			s.dial().get("/", "AC1", "right").expect(http.StatusTooManyRequests)
			s.dial().get("/", "AC2", "right").expect(http.StatusOK)
		})
	}
}

// TestAnswerBeforeTheBodyIsRead sends a body that is too large to be read after the response. The response must still be
// complete.
func TestAnswerBeforeTheBodyIsRead(t *testing.T) {
	s := serve(t, connections.Config{Max: 8})
	c := s.dial()
	c.send("POST / HTTP/1.1\r\nHost: hub.example\r\nContent-Length: 600000\r\n\r\n" + strings.Repeat("x", 600_000))
	c.expect(http.StatusUnauthorized)
	if rest, err := io.ReadAll(c.answer); err != nil || len(rest) > 0 {
		t.Errorf("after the response got %q, %v", rest, err)
	}
}

// TestOneAddress opens more connections from an address than it may have.
func TestOneAddress(t *testing.T) {
	for name, test := range map[string]struct {
		from    string // %d stands for a number
		limited bool
	}{
		"IPv4":                  {"192.0.2.1:%d", true},
		"IPv4-mapped":           {"[::ffff:192.0.2.1]:%d", true},
		"one IPv6 network":      {"[2001:db8::%d]:1", true},
		"several addresses":     {"192.0.2.%d:1", false},
		"several IPv6 networks": {"[2001:db8:0:%d::1]:1", false},
		"loopback":              {"127.0.0.1:%d", false},
		"IPv6 loopback":         {"[::1]:%d", false},
		"a proxy":               {"10.0.0.1:%d", false},
		"an IPv4-mapped proxy":  {"[::ffff:10.0.0.1]:%d", false},
	} {
		t.Run(name, func(t *testing.T) {
			from := []string{"198.51.100.1:1"}
			for i := range 9 {
				from = append(from, fmt.Sprintf(test.from, i+1))
			}
			s := serve(t, connections.Config{
				Max: 100, MaxPerAddress: 8, Unlimited: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			}, from...)
			t.Cleanup(func() { close(s.release) })
			other := s.dial()
			first, second := s.dial(), s.dial()
			for i := range 6 {
				s.dial().get("/held", fmt.Sprint("AC", i%2), "right")
				<-s.held
			}
			if seventh := s.dial().get("/", "AC1", "right"); test.limited {
				seventh.expect(http.StatusTooManyRequests)
				first.expectClosed()
			} else {
				seventh.expect(http.StatusOK)
				first.get("/", "AC2", "right").expect(http.StatusOK)
				second.get("/", "AC2", "right").expect(http.StatusOK)
			}
			other.get("/", "AC3", "right").expect(http.StatusOK)
		})
	}
}
