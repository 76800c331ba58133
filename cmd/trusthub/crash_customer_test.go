package main

import (
	"errors"
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/opentrusthub/trusthub/internal/signature"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// crashReception is one arrival of a notice.
type crashReception struct {
	token string // the callback's idempotency token, or what the e-mail's Message-ID has in its place
	life  int    // of the server that sent it, from 1
}

// crashCustomer receives callbacks and e-mails, and kills the server in the middle of one.
type crashCustomer struct {
	t                *testing.T
	callbacks, mails *crashListener
	url              string // that callbacks go to

	mu       sync.Mutex
	arrived  sync.Cond
	received map[crashTold][]crashReception
	first    map[crashTold][]crashTold // what was told of a product, in the order of the first receptions; key without status
	life     int
	left     int          // receptions until the kill; none comes where it is not above 0
	kill     func() error // called then
}

func newCrashCustomer(t *testing.T) *crashCustomer {
	t.Helper()
	c := &crashCustomer{t: t, received: map[crashTold][]crashReception{}, first: map[crashTold][]crashTold{}, life: 1}
	c.arrived.L = &c.mu

	application := httptest.NewUnstartedServer(c)
	c.callbacks = newCrashListener(application.Listener)
	application.Listener = c.callbacks
	application.Start()
	t.Cleanup(application.Close)
	c.url = application.URL

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.mails = newCrashListener(listener)
	mailbox := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return crashMail{c}, nil }))
	mailbox.Domain = "acme.example"
	mailbox.ErrorLog = log.New(io.Discard, "", 0) // killed clients break off
	stopped := make(chan error, 1)
	go func() { stopped <- mailbox.Serve(c.mails) }()
	t.Cleanup(func() {
		if err := errors.Join(mailbox.Close(), <-stopped); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return c
}

// ServeHTTP receives a callback.
func (c *crashCustomer) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		return // the kill came before the whole of it
	}
	if !signature.Valid(crashToken, "http://"+r.Host+r.RequestURI, r.PostForm, r.Header.Get(signature.Header)) {
		c.t.Errorf("the signature of %v is not valid", r.PostForm)
	}
	status := trust.Status(r.PostForm.Get("Status"))
	if reason := r.PostForm.Get("FailureReason"); strings.HasPrefix(reason, "18601: ") != (status == trust.TwilioRejected) {
		c.t.Errorf("the reason of %s is %q", status, reason)
	}
	c.receive(crashTold{trust.Callback, r.PostForm.Get("BundleSid"), status}, r.Header.Get("I-Twilio-Idempotency-Token"))
}

// crashMail is a connection to the customer's mail server.
type crashMail struct{ customer *crashCustomer }

// What of a mail's conversation does not matter here.
func (crashMail) Reset()                               {}
func (crashMail) Logout() error                        { return nil }
func (crashMail) Mail(string, *smtp.MailOptions) error { return nil }
func (crashMail) Rcpt(string, *smtp.RcptOptions) error { return nil }

var crashMailText = regexp.MustCompile(`(?m)^SID: +(BU\w+)\r?\nStatus: .* \(([a-z-]+)\)\r?$`)

// Data receives an e-mail.
func (m crashMail) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err // the kill came before the whole of it
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return err
	}
	id := message.Header.Get("Message-ID")
	token, ok := strings.CutSuffix(strings.TrimPrefix(id, "<"), "@trusthub.example>")
	told := crashMailText.FindSubmatch(text)
	if !ok || told == nil {
		m.customer.t.Errorf("%s: the message tells nothing:\n%s", id, text)
		return nil
	}
	m.customer.receive(crashTold{trust.Email, string(told[1]), trust.Status(told[2])}, token)
	return nil
}

// receive notes an arrival. Where it kills the server, that cannot record this notice: it has got no answer yet.
func (c *crashCustomer) receive(told crashTold, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received[told] == nil {
		product := crashTold{channel: told.channel, sid: told.sid}
		c.first[product] = append(c.first[product], told)
	}
	c.received[told] = append(c.received[told], crashReception{token, c.life})
	if c.left--; c.left == 0 {
		if err := c.kill(); err != nil {
			c.t.Error(err)
		}
	}
	c.arrived.Broadcast()
}

// killAfter has the server killed in the middle of the reception of a notice, after so many from now on.
func (c *crashCustomer) killAfter(receptions int, kill func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.kill = receptions, kill
}

// outlive begins a new life, once nothing can come any more from the server that is gone.
func (c *crashCustomer) outlive(t *testing.T) {
	t.Helper()
	c.callbacks.drain(t)
	c.mails.drain(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left > 0 {
		t.Errorf("the server ended %d notices before it was to be killed", c.left)
	}
	c.life++
}

// await waits until all that is missing has been received in this life. It gives up when nothing at all comes any more: how
// long everything takes depends on how much the servers before have left.
func (c *crashCustomer) await(t *testing.T, missing []crashTold) {
	t.Helper()
	silent := false
	silence := time.AfterFunc(crashWait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		silent = true
		c.arrived.Broadcast()
	})
	defer silence.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, told := range missing {
		for {
			if all := c.received[told]; len(all) > 0 && all[len(all)-1].life == c.life {
				break
			}
			if silent {
				t.Fatalf("nothing has come for %v and %+v is missing, of %d notices the one at %d", crashWait, told, len(missing), i)
			}
			c.arrived.Wait()
			silence.Reset(crashWait)
		}
	}
}

// crashListener knows its open connections.
type crashListener struct {
	net.Listener
	mu      sync.Mutex
	changed sync.Cond
	open    map[string]bool // by the client's address
}

func newCrashListener(l net.Listener) *crashListener {
	listener := &crashListener{Listener: l, open: map[string]bool{}}
	listener.changed.L = &listener.mu
	return listener
}

// Accept notes the connection.
func (l *crashListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	client := conn.RemoteAddr().String()
	l.note(client, true)
	return &crashConn{conn, sync.OnceFunc(func() { l.note(client, false) })}, nil
}

func (l *crashListener) note(client string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open {
		l.open[client] = true
	} else {
		delete(l.open, client)
	}
	l.changed.Broadcast()
}

// drain waits until all connections are closed that were made before, also those that the kernel had still to hand over:
// it hands them over in order, so that they precede the one that drain makes.
func (l *crashListener) drain(t *testing.T) {
	t.Helper()
	last, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.open[last.LocalAddr().String()] {
		l.changed.Wait()
	}
	if err := last.Close(); err != nil {
		t.Error(err)
	}
	for len(l.open) > 0 {
		l.changed.Wait()
	}
}

type crashConn struct {
	net.Conn
	closed func()
}

// Close notes that the connection is closed, and so that what it carried has been dealt with.
func (c *crashConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
