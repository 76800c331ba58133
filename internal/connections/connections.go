// Package connections bounds how many connections an HTTP server has, and decides which of them makes way for a newcomer.
//
// # What it guarantees
//
//   - A server never has more than Config.Max connections, nor more than Config.MaxPerAddress of one address.
//   - A newcomer always gets in: at a limit, the server closes another connection for it. The first to go are strangers: those
//     that have sent no request, or none since one without valid credentials, then those that are at such a request. But
//     strangers keep a quarter of the connections, so that newcomers have the time to send their credentials: where they have
//     no more, those go that are idle after an authenticated request. Within a group, the oldest goes first.
//   - A connection is not closed while its request is an authenticated one. Such requests get 429 above three quarters of
//     either limit, and those of one account above half of it, so that no account can take all.
//   - A server that shuts down waits 4 seconds for what callers are still sending, not longer.
//
// # What it does not do
//
// Otherwise it sets no time-outs; http.Server does. It does not know credentials: it is told who has been authenticated
// (Authenticate).
package connections

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

// MinMax is the least that Config.Max and Config.MaxPerAddress can be: with fewer there would be no quarter to speak of.
const MinMax = 8

// Config says what the limits are.
type Config struct {
	Max           int              // connections at a time; fewer where the system allows too few open files
	MaxPerAddress int              // of them from one address, as Network counts addresses
	Unlimited     []netip.Prefix   // addresses that MaxPerAddress is not for, besides loopback
	Now           func() time.Time // the clock, for the log
	Logger        *slog.Logger
}

// Limiter keeps the limits for one server. It is told what its connections are at by the server (Limit) and by its authentication
// (Authenticate). It is safe for concurrent use.
type Limiter struct {
	config Config

	mu        sync.Mutex
	log       reporter
	waiting   [busy]list.List // connections that can be closed, by phase; that which has been in it the longest is the first
	all       *share
	addresses map[netip.Prefix]*share
	arriving  map[*conn]struct{} // those at a request whose body has not arrived
}

// New returns the limiter of one server.
func New(config Config) *Limiter {
	if files := openFiles(); files > 0 && config.Max > files/4*3 { // the rest is for the database and for callbacks
		config.Max = max(files/4*3, MinMax)
		config.Logger.Warn("fewer connections than configured: the limit of open files (ulimit -n) is too low",
			"max_connections", config.Max, "open_files", files)
	}
	return &Limiter{
		config: config, log: reporter{now: config.Now, log: config.Logger},
		all: newShare(config.Max), addresses: map[netip.Prefix]*share{}, arriving: map[*conn]struct{}{},
	}
}

// Network returns what counts as one address: an IPv4 address, and of IPv6 the /64 network, which is what one subscriber has.
// Of the zero Addr it is the zero Prefix.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	network, _ := address.Prefix(bits) // fails for the zero Addr, with the zero Prefix
	return network
}

// Limit returns the listener that the server is to be run with. It sets the server's ConnState and ConnContext and wraps its
// Handler.
func (l *Limiter) Limit(server *http.Server, listener net.Listener) net.Listener {
	server.ConnState, server.ConnContext = l.connState, l.connContext
	server.Handler = l.watchBodies(server.Handler)
	server.RegisterOnShutdown(func() { time.AfterFunc(arrivalTime, l.stopWaiting) })
	return limitedListener{listener, l}
}

type limitedListener struct {
	net.Listener
	limiter *Limiter
}

// Accept returns the next connection.
func (n limitedListener) Accept() (net.Conn, error) {
	raw, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return n.limiter.admit(raw), nil
}

// admit makes room for a connection.
func (l *Limiter) admit(raw net.Conn) *conn {
	network := l.limitedNetwork(raw.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	if address := l.addresses[network]; address != nil && address.open >= address.max {
		l.log.addressFull(network)
		l.evict(address)
	}
	if l.all.open >= l.all.max {
		l.log.full()
		l.evict(l.all)
	}
	return l.add(raw, network)
}

// limitedNetwork returns the network that a connection counts for, the zero Prefix if for none.
func (l *Limiter) limitedNetwork(remote net.Addr) netip.Prefix {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	if address.IsLoopback() || slices.ContainsFunc(l.config.Unlimited, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return netip.Prefix{}
	}
	return Network(address)
}

// connState is the server's ConnState.
func (l *Limiter) connState(c net.Conn, state http.ConnState) {
	own := c.(*conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case own.phase == closed: // its goroutine has not noticed yet
	case state == http.StateActive:
		l.enter(own, asking)
	case state == http.StateIdle && own.phase == busy:
		l.enter(own, idle)
	case state == http.StateIdle:
		l.enter(own, silent)
	}
}

type contextKey struct{}

// connContext is the server's ConnContext.
func (l *Limiter) connContext(ctx context.Context, c net.Conn) context.Context {
	own := c.(*conn)
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if own.end = cancel; own.phase == closed {
		cancel()
	}
	return context.WithValue(ctx, contextKey{}, own)
}

// Authenticate wraps an api.Config.Authenticate: the connections of those that it lets in are kept until they are answered.
func (l *Limiter) Authenticate(
	next func(ctx context.Context, username, password string) (string, error),
) func(ctx context.Context, username, password string) (string, error) {
	return func(ctx context.Context, username, password string) (string, error) {
		account, err := next(ctx, username, password)
		own, ok := ctx.Value(contextKey{}).(*conn)
		if err != nil || account == "" || !ok {
			return account, err
		}
		return account, l.keep(own, account)
	}
}

// keep notes that the request of a connection is an account's.
func (l *Limiter) keep(c *conn, account string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.phase == closed: // nothing is to be done whose answer cannot be sent
		return fmt.Errorf("%w: the connection was closed to make room", context.Canceled)
	case c.phase == busy: // another request on a connection that carries several
		return nil
	case slices.ContainsFunc(c.shares(), func(s *share) bool { return s.refuses(account) }):
		tooMany := api.NewError(api.CodeTooManyRequests, "Too many concurrent requests", nil)
		tooMany.RetryAfter = time.Second
		return tooMany
	}
	c.account = account
	l.enter(c, busy)
	return nil
}
