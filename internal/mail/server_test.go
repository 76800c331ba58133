package mail_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	user     = "relay"
	password = "hunter2-p@ss/word" // must be percent-encoded in a URL
	login    = "relay:hunter2-p%40ss%2Fword@"
	from     = "Trust Hub <hub@sender.example>"
)

// server is a real SMTP server on loopback, which can misbehave. The fields of the first group are set before it starts.
type server struct {
	mail, rcpt error                                  // the replies to these commands; nil accepts them
	data       func(conn net.Conn, r io.Reader) error // instead of reading and accepting everything
	logins     bool                                   // whether MAIL requires a login
	cut, stall string                                 // the reply instead of which the server closes the connection, or stalls
	tls        *tls.Config                            // begin each connection with it

	addr  string
	mu    sync.Mutex
	tried []string // user and password of each login
	got   []message
	heard bytes.Buffer // the bytes received on all connections
}

// message is a message that the server received, whether or not it accepted it.
type message struct {
	from string
	to   []string
	text string
}

// start serves on a free port.
func (s *server) start(t *testing.T, configure ...func(*smtp.Server)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s.serve(t, listener, configure...)
}

func (s *server) serve(t *testing.T, listener net.Listener, configure ...func(*smtp.Server)) *server {
	t.Helper()
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	srv.Domain, srv.AllowInsecureAuth, srv.ErrorLog = "mx.test", true, log.New(io.Discard, "", 0)
	for _, configure := range configure {
		configure(srv)
	}
	s.addr = listener.Addr().String()
	done := make(chan error, 1)
	listener = wiretap{listener, s}
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	go func() { done <- srv.Serve(listener) }()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = listener.Close() // srv may not know it yet
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// pipes is a network within the process, for tests with synthetic time (testing/synctest).
type pipes struct {
	dialled chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func newPipes() *pipes { return &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.dialled <- far:
		return pipeEnd{near}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept is for the server.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialled:
		return pipeEnd{conn}, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr claims to be on loopback, where clear text is safe.
func (p *pipes) Addr() net.Addr { return pipeEnd{}.RemoteAddr() }

type pipeEnd struct{ net.Conn }

func (pipeEnd) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }

func (s *server) messages() []message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// wire returns the received bytes and the attempted logins.
func (s *server) wire() (heard string, logins []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard.String(), slices.Clone(s.tried)
}

// dial connects to the server, whatever the address is.
func (s *server) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, s.addr)
}

type session struct {
	server  *server
	conn    *smtp.Conn
	message message
	known   bool
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.logins && !s.known {
		return smtp.ErrAuthRequired
	}
	s.message = message{from: from}
	return s.server.mail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.message.to = append(s.message.to, to)
	return s.server.rcpt
}

func (s *session) Data(r io.Reader) error {
	if s.server.data != nil {
		return s.server.data(s.conn.Conn(), r)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.message.text = string(text)
	s.server.got = append(s.server.got, s.message)
	return nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, secret string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.tried = append(s.server.tried, name+" "+secret)
		if s.known = name == user && secret == password; !s.known {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: secret + " is not the password"}
		}
		return nil
	}), nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// wiretap records what clients send, and cuts or stalls a connection before a given reply.
type wiretap struct {
	net.Listener
	server *server
}

func (w wiretap) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: conn, server: w.server, closed: make(chan struct{})}, nil
}

type tapped struct {
	net.Conn
	server *server
	once   sync.Once
	closed chan struct{}
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.heard.Write(p[:n])
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	switch s := c.server; {
	case s.cut != "" && bytes.HasPrefix(p, []byte(s.cut)):
		_ = c.Close()
	case s.stall != "" && bytes.HasPrefix(p, []byte(s.stall)):
		<-c.closed
	}
	return c.Conn.Write(p)
}

func (c *tapped) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// sender returns a Sender for the server at addr, which is host:port or user:password@host:port.
func sender(t *testing.T, addr string, change ...func(*mail.Config)) *mail.Sender {
	t.Helper()
	config := mail.Config{Server: addr, From: from, Now: clock()}
	if !strings.Contains(addr, "://") {
		config.Server = "smtp://" + addr
	}
	for _, change := range change {
		change(&config)
	}
	s, err := mail.NewSender(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// composer returns the Composer of what sender sends.
func composer(t *testing.T) mail.Composer {
	t.Helper()
	c, err := mail.NewComposer(from)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within(timeout time.Duration) func(*mail.Config) {
	return func(c *mail.Config) { c.Timeout = timeout }
}

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) //nolint:gochecknoglobals // a constant, which a Time cannot be

// clock returns a clock that starts at epoch and advances a second each time it is read.
func clock() func() time.Time {
	var mu sync.Mutex
	next := epoch
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now := next
		next = next.Add(time.Second)
		return now
	}
}

func notice(name, email string, status trust.Status, codes ...int) trust.Notice {
	return trust.Notice{
		ID: trust.NoticePrefix + strings.Repeat("0a", 16), Channel: trust.Email, Target: cmp.Or(email, "jane@customer.example"),
		AccountSID: "AC" + strings.Repeat("1", 32), BundleSID: "BU" + strings.Repeat("2", 32),
		FriendlyName: name, Status: status, Errors: codes, Created: epoch,
	}
}

func approved() trust.Notice { return notice("Acme", "", trust.TwilioApproved) }
