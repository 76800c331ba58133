package crash_test

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

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// reception is one arrival of a notice.
type reception struct {
	token string // the callback's idempotency token, or the e-mail's Message-ID
	life  int    // of the server that sent it, from 1
}

// customer receives callbacks and e-mails, and kills the server while it receives one.
type customer struct {
	t                *testing.T
	callbacks, mails *countingListener
	url              string // that callbacks go to

	mu       sync.Mutex
	arrived  sync.Cond
	received map[statusChange][]reception
	first    map[statusChange][]statusChange     // the changes of a product, in the order of their first reception; the key has no status
	decided  map[string]chan client.BundleStatus // that callbacks reported, by the SID of a bundle that a program waits for
	life     int
	left     int          // receptions until the kill; 0 or less means no kill
	kill     func() error // called then
}

func newCustomer(t *testing.T) *customer {
	t.Helper()
	c := &customer{
		t: t, life: 1,
		received: map[statusChange][]reception{}, first: map[statusChange][]statusChange{}, decided: map[string]chan client.BundleStatus{},
	}
	c.arrived.L = &c.mu

	application := httptest.NewUnstartedServer(c)
	c.callbacks = newCountingListener(application.Listener)
	application.Listener = c.callbacks
	application.Start()
	t.Cleanup(application.Close)
	c.url = application.URL

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.mails = newCountingListener(listener)
	mailbox := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{c}, nil }))
	mailbox.Domain = "acme.example"
	mailbox.ErrorLog = log.New(io.Discard, "", 0) // killed clients close connections
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
func (c *customer) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		return // the server was killed before it had sent everything
	}
	callback, err := client.ParseCallback(r, programtest.AuthToken) // verifies the signature
	if err != nil {
		c.t.Errorf("%v: %v", r.PostForm, err)
		return
	}
	rejected := callback.Status == client.BundleStatusTwilioRejected
	if strings.HasPrefix(callback.FailureReason, "18601: ") != rejected {
		c.t.Errorf("the reason of %s is %q", callback.Status, callback.FailureReason)
	}
	c.receive(statusChange{byCallback, callback.BundleSID, callback.Status}, callback.IdempotencyToken)
}

// mailSession is a connection to the customer's mail server.
type mailSession struct{ customer *customer }

// The parts of SMTP that this test does not use.
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }
func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

var mailText = regexp.MustCompile(`(?m)^SID: +(BU\w+)\r?\nStatus: .* \(([a-z-]+)\)\r?$`)

// Data receives an e-mail.
func (m mailSession) Data(r io.Reader) error {
	message, err := netmail.ReadMessage(r)
	if err != nil {
		return err // the server was killed before it had sent everything
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return err
	}
	id := message.Header.Get("Message-ID")
	token, ok := strings.CutSuffix(strings.TrimPrefix(id, "<"), "@trusthub.example>")
	told := mailText.FindSubmatch(text)
	if !ok || told == nil {
		m.customer.t.Errorf("%s: the message has no status:\n%s", id, text)
		return nil
	}
	m.customer.receive(statusChange{byEmail, string(told[1]), client.BundleStatus(told[2])}, token)
	return nil
}

// receive records a reception. If it kills the server, the server cannot record this notice: it has no response yet.
func (c *customer) receive(told statusChange, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.received[told] == nil {
		product := statusChange{channel: told.channel, sid: told.sid}
		c.first[product] = append(c.first[product], told)
		if told.channel == byCallback && (told.status == client.BundleStatusTwilioApproved || told.status == client.BundleStatusTwilioRejected) {
			if decided, awaited := c.decided[told.sid]; awaited {
				decided <- told.status
			}
		}
	}
	c.received[told] = append(c.received[told], reception{token, c.life})
	if c.left--; c.left == 0 {
		if err := c.kill(); err != nil {
			c.t.Error(err)
		}
	}
	c.arrived.Broadcast()
}

// decision returns a channel for the status with which the review of a bundle ends. It must be called before the submission.
func (c *customer) decision(sid string) <-chan client.BundleStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	decided := make(chan client.BundleStatus, 1)
	c.decided[sid] = decided
	return decided
}

// killAfter makes the customer kill the server during the last of the given number of receptions.
func (c *customer) killAfter(receptions int, kill func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.kill = receptions, kill
}

// outlive begins a new life when the ended server's last notices have arrived.
func (c *customer) outlive(t *testing.T) {
	t.Helper()
	c.callbacks.drain(t)
	c.mails.drain(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left > 0 {
		t.Errorf("the server ended %d notices before the kill", c.left)
	}
	c.life++
}

// await waits until all missing notices have been received in this life. Because the time depends on how much the earlier
// servers have left, it gives up only if no notice arrives for waitLimit.
func (c *customer) await(t *testing.T, missing []statusChange) {
	t.Helper()
	silent := false
	silence := time.AfterFunc(waitLimit, func() {
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
				t.Fatalf("nothing received for %v; %+v is missing, of %d notices the one at index %d", waitLimit, told, len(missing), i)
			}
			c.arrived.Wait()
			silence.Reset(waitLimit)
		}
	}
}

// countingListener keeps track of its open connections.
type countingListener struct {
	net.Listener
	mu      sync.Mutex
	changed sync.Cond
	open    map[string]bool // by the client's address
}

func newCountingListener(l net.Listener) *countingListener {
	listener := &countingListener{Listener: l, open: map[string]bool{}}
	listener.changed.L = &listener.mu
	return listener
}

// Accept records the connection.
func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	client := conn.RemoteAddr().String()
	l.note(client, true)
	return &countedConn{conn, sync.OnceFunc(func() { l.note(client, false) })}, nil
}

func (l *countingListener) note(client string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open {
		l.open[client] = true
	} else {
		delete(l.open, client)
	}
	l.changed.Broadcast()
}

// drain waits until all earlier connections are closed, including those that the kernel has not handed over yet. The kernel
// hands them over in order, so they precede the connection that drain makes.
func (l *countingListener) drain(t *testing.T) {
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

type countedConn struct {
	net.Conn
	closed func()
}

// Close records that the connection is closed. Its request has been handled by then.
func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
