// Package callback sends status callbacks: one signed HTTP request for each attempt.
//
// # What it guarantees
//
//   - No connection is made to an address outside the public internet, unless Config.Allow opens it, and none to loopback with
//     Config.DenyLoopback. The address that is dialled is checked when it is dialled, so that neither DNS nor the spelling of a
//     URL can get around it.
//   - No redirect is followed and no proxy is used: either would bypass that check.
//   - An attempt ends within Config.Timeout whatever the receiver does, and a bounded part of its response is read.
//   - An attempt is one request. net/http never repeats it.
//   - Attempt.Error consists of fixed texts and at most an address: it contains no secret and nothing that the receiver sent.
//
// # What it does not do
//
// It has no schedule and no state: internal/jobs decides when to try again, and for how long. It cannot know which public
// addresses belong to the operator's own network; a firewall can. It cannot keep net/http from logging, with package log, what a
// receiver sends after its response; cmd/trusthub handles that.
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

// The default limits of a Config, which are Twilio's.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultTimeout        = 15 * time.Second
)

const (
	maxHeaderBytes = 16 << 10
	// bodyTime limits reading a response after its status. The body is only kept for people to look at.
	bodyTime = time.Second
	// idleTime is less than the time after which common servers close an idle connection (gunicorn 2 s, Node and Apache 5 s).
	// A request that is sent just then is lost, and must not be repeated here because it may have been read.
	idleTime = time.Second
	// maxIdlePerHost is the number of an account's requests that may be in flight to one receiver (perQuick of package jobs).
	maxIdlePerHost = 128
	maxIdle        = 512
)

// Config configures a Sender. Only Now is required.
type Config struct {
	Now            func() time.Time // the clock
	Allow          []netip.Prefix   // addresses allowed besides the public internet; IPv4-mapped ones have no effect
	DenyLoopback   bool             // refuses loopback even if Allow has it
	ConnectTimeout time.Duration    // for the DNS lookup and TCP, and again for TLS; 0 means DefaultConnectTimeout
	Timeout        time.Duration    // for the whole attempt; 0 means DefaultTimeout
}

// Sender sends callbacks. It is safe for concurrent use.
type Sender struct {
	now       func() time.Time
	connect   time.Duration
	timeout   time.Duration
	transport *http.Transport
}

// NewSender returns a sender. Close it after its last use.
func NewSender(config Config) *Sender {
	guard := newGuard(config.Allow)
	guard.denyLoopback = config.DenyLoopback
	return newSender(config, &net.Dialer{Control: guard.control})
}

// newSender takes a dialer, so that tests can set a resolver and see what is dialled.
func newSender(config Config, dialer *net.Dialer) *Sender {
	s := &Sender{now: config.Now, connect: config.ConnectTimeout, timeout: config.Timeout}
	if s.connect <= 0 {
		s.connect = DefaultConnectTimeout
	}
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	dialer.Timeout = s.connect
	// Only HTTP/1.1, which is what Twilio uses here, and which has one request at a time on a connection.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.transport = &http.Transport{
		Proxy:                  nil, // not even from the environment: the guard would check the proxy's address
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    s.connect,
		DisableCompression:     true, // a small response must not decompress to a large one
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTime,
		Protocols:              protocols,
	}
	return s
}

// Close closes the idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Send makes one attempt to deliver n to n.Target, signed with the account's auth token. The attempt says what went wrong. Its
// verdict is delivered for a status 2xx, refused for 410 and for a URL that cannot be requested, and otherwise to try again.
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
	var connected atomic.Pointer[time.Time] // the transport's goroutines may call the trace
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(new(s.now())) },
	})

	request, err := newRequest(ctx, n, authToken)
	if err != nil {
		// A later attempt would fail too, because a notice keeps its URL, and would delay the bundle's later notices,
		// which may have another one.
		attempt.Verdict = trust.Refused
		attempt.Error = "the URL cannot be requested: it " + err.Error()
		return
	}
	// Not an http.Client, which follows redirects and puts the URL into its errors.
	response, err := s.transport.RoundTrip(request)
	if at := connected.Load(); at != nil {
		attempt.Connected, attempt.Connecting = true, at.Sub(attempt.Started)
	}
	if err != nil {
		// An address that the guard refused is tried again too: the name may get another address, and the operator may
		// allow the range.
		attempt.Error = s.failure(err, attempt.Connected, parent.Err() != nil)
		return
	}
	defer response.Body.Close() //nolint:errcheck // the status has been read
	attempt.StatusCode = response.StatusCode
	attempt.Verdict, attempt.Error = judge(response.StatusCode)
	if attempt.Verdict == trust.TryAgain {
		attempt.RetryAfter, _ = retryafter.Parse(response.Header.Get("Retry-After"), s.now(), maxRetryAfter)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return // its body is the connection itself, which ctx does not interrupt
	}
	defer time.AfterFunc(bodyTime, cancel).Stop()
	attempt.Answer = readAnswer(response.Body)
}
