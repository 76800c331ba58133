// Package callback tells a customer's application of a status change: one signed HTTP request for each attempt.
//
// # What it guarantees
//
//   - No connection is made to an address outside the public internet, unless Config.Allow opens it, and none to loopback with
//     Config.DenyLoopback. That is checked when the connection is made, on the very address that is dialled, so neither DNS nor
//     the spelling of a URL gains anything.
//   - No redirect is followed and no proxy is used: either would lead past that check.
//   - An attempt ends within Config.Timeout whatever the receiver does, and what is read of its answer is bounded.
//   - Each attempt is one request; nothing is sent twice behind the caller's back.
//   - Attempt.Error is made of fixed texts and an address at most: never a secret, nor anything that the receiver said.
//
// # What it does not do
//
// It keeps no schedule and no state: when to try again, and for how long, is the caller's business (internal/jobs). It
// cannot know which public addresses belong to the operator's own network; a firewall can. It cannot keep net/http from
// writing to package log what a receiver sends after its answer; the program decides what becomes of that (cmd/trusthub).
package callback

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"

	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// The limits of a Config that sets none; they are Twilio's own.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultTimeout        = 15 * time.Second
)

const (
	maxHeaderBytes = 16 << 10
	// bodyTime is how long an answer may go on after its status. Nothing but a look at it depends on the rest.
	bodyTime = time.Second
	// idleTime is below the time after which common servers close an idle connection (gunicorn 2 s, Node and Apache 5 s).
	// A request that meets such a close is lost, and it cannot be repeated here: it may have been read.
	idleTime = time.Second
	// maxIdlePerHost keeps the connections of as many requests as are in flight to one receiver.
	maxIdlePerHost = 64
	maxIdle        = 512
)

// Config says how callbacks are sent. Now must be set; everything else has a default.
type Config struct {
	Now            func() time.Time // the clock
	Allow          []netip.Prefix   // addresses opened besides the public internet; IPv4-mapped ones open nothing
	DenyLoopback   bool             // closes loopback even where Allow opens it
	ConnectTimeout time.Duration    // for name look-up and TCP, and again for TLS; 0 means DefaultConnectTimeout
	Timeout        time.Duration    // for the whole attempt; 0 means DefaultTimeout
}

// Sender sends callbacks. It is safe for concurrent use.
type Sender struct {
	now       func() time.Time
	connect   time.Duration
	timeout   time.Duration
	transport *http.Transport
}

// NewSender returns a sender; Close it after its last use.
func NewSender(config Config) *Sender {
	guard := newGuard(config.Allow)
	guard.denyLoopback = config.DenyLoopback
	return newSender(config, &net.Dialer{Control: guard.control})
}

// newSender takes the dialer so that tests can bring a resolver and watch what is dialled.
func newSender(config Config, dialer *net.Dialer) *Sender {
	s := &Sender{now: config.Now, connect: config.ConnectTimeout, timeout: config.Timeout}
	if s.connect <= 0 {
		s.connect = DefaultConnectTimeout
	}
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	dialer.Timeout = s.connect
	// HTTP/1.1 alone: it is what Twilio speaks here, and it makes one request in flight per connection.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.transport = &http.Transport{
		Proxy:                  nil, // never the environment's: the guard would then see the proxy's address
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    s.connect,
		DisableCompression:     true, // a small answer must not unpack into a large one
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTime,
		Protocols:              protocols,
	}
	return s
}

// Close closes the connections that are kept for later requests.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send makes one attempt to deliver n to n.Target, signed with the account's auth token. Whatever goes wrong is in the
// attempt: a status in 2xx means delivered, 410 and a URL that nothing can be sent to mean refused, all else try again.
//
// If ctx ends first, the verdict is to try again; a caller that is shutting down may prefer not to count that attempt.
func (s *Sender) Send(ctx context.Context, n trust.Notice, authToken string) trust.Attempt {
	attempt := trust.Attempt{Started: s.now(), Verdict: trust.TryAgain}
	s.send(ctx, &attempt, n, authToken)
	attempt.Duration = s.now().Sub(attempt.Started)
	return attempt
}

func (s *Sender) send(parent context.Context, attempt *trust.Attempt, n trust.Notice, authToken string) {
	ctx, cancel := context.WithTimeout(parent, s.timeout)
	defer cancel()
	var connected atomic.Bool // the trace may be called from the transport's goroutines
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})

	request, err := newRequest(ctx, n, authToken)
	if err != nil {
		// No later attempt can do better, as a notice keeps its URL. To go on would only hold up the bundle's later
		// notices, which may go to a better one.
		attempt.Verdict = trust.Refused
		attempt.Error = "the URL cannot be requested: it " + err.Error()
		return
	}
	// The transport itself and not an http.Client, which follows redirects and puts the URL into its errors.
	response, err := s.transport.RoundTrip(request)
	attempt.Connected = connected.Load()
	if err != nil {
		// An address that the guard refused is tried again, too: a name may get another address, and the operator may
		// open the range.
		attempt.Error = s.failure(err, attempt.Connected, parent.Err() != nil)
		return
	}
	defer response.Body.Close() //nolint:errcheck // there is nothing more to learn from it
	attempt.StatusCode = response.StatusCode
	attempt.Verdict, attempt.Error = judge(response.StatusCode)
	if attempt.Verdict == trust.TryAgain {
		attempt.RetryAfter, _ = retryafter.Parse(response.Header.Get("Retry-After"), s.now(), maxRetryAfter)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return // its body is the bare connection, whose reads do not end with ctx
	}
	defer time.AfterFunc(bodyTime, cancel).Stop()
	attempt.Answer = readAnswer(response.Body)
}
