// Package connections limits the connections of an HTTP server, and decides which one is closed to make room for a new one.
//
// # What it guarantees
//
//   - A server never has more than Config.Max connections, nor more than Config.MaxPerAddress of one address.
//   - A new connection is always accepted: at a limit, the server closes another one for it. It first closes those without valid
//     credentials: idle ones, then those with a request. But these keep a quarter of the connections, so that newcomers have the
//     time to send their credentials: when they have no more than that, it closes idle connections of authenticated callers.
//     Within a group, the oldest is closed first.
//   - A connection is not closed during an authenticated request. Such requests get 429 above three quarters of either limit,
//     and those of one account above half of it, so that no account can take all.
//   - A server that shuts down waits at most 4 seconds for what callers are still sending.
//
// # What it does not do
//
// It sets no other timeouts; http.Server does. It does not check credentials: Authenticate wraps the function that does.
package connections

import (
	"container/list"
	"context"
	"crypto/tls"
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

// MinMax is the minimum of Config.Max and Config.MaxPerAddress: a quarter of less would be no connection.
const MinMax = 8

// Config has the limits.
type Config struct {
	Max           int              // connections at a time; fewer if the limit of open files is too low
	MaxPerAddress int              // of them from one address, as Network counts addresses
	Unlimited     []netip.Prefix   // addresses without the limit MaxPerAddress, besides loopback
	Now           func() time.Time // the clock, for the log
	Logger        *slog.Logger
}

// Limiter limits the connections of one server. The server (Limit) and its authentication (Authenticate) tell it the state of
// each. It is safe for concurrent use.
type Limiter struct {
	config Config

	mu        sync.Mutex
	log       reporter
	waiting   [busy]list.List // connections that can be closed, by phase, the longest in it first
	all       *share
	addresses map[netip.Prefix]*share
	arriving  map[*watchedBody]struct{} // those of requests that have not arrived
}

// New returns a limiter for one server.
func New(config Config) *Limiter {
	if files := openFiles(); files > 0 && config.Max > files/4*3 { // the rest is for the database and callbacks
		config.Max = max(files/4*3, MinMax)
		config.Logger.Warn("fewer connections than configured: the limit of open files (ulimit -n) is too low",
			"max_connections", config.Max, "open_files", files)
	}
	return &Limiter{
		config: config, log: reporter{now: config.Now, log: config.Logger},
		all: newShare(config.Max), addresses: map[netip.Prefix]*share{}, arriving: map[*watchedBody]struct{}{},
	}
}

// Network returns what counts as one address: an IPv4 address, or an IPv6 /64 network, which is what one subscriber has. For the
// zero Addr it returns the zero Prefix.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	network, _ := address.Prefix(bits) // fails for the zero Addr, with the zero Prefix
	return network
}

// Limit returns the listener to run the server with. It sets the server's ConnState and ConnContext and wraps its Handler.
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

// limitedNetwork returns the network that limits a connection, or the zero Prefix if none does.
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

// counted returns the connection that the listener has accepted, which may be below TLS.
func counted(c net.Conn) *conn {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	return c.(*conn)
}

// connState is the server's ConnState.
func (l *Limiter) connState(c net.Conn, state http.ConnState) {
	own := counted(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case own.phase == closed: // its goroutine has not noticed yet
	case state == http.StateActive:
		l.setPhase(own, asking)
	case state == http.StateIdle && own.phase == busy:
		l.setPhase(own, idle)
	case state == http.StateIdle:
		l.setPhase(own, silent)
	}
}

type contextKey struct{}

// connContext is the server's ConnContext.
func (l *Limiter) connContext(ctx context.Context, c net.Conn) context.Context {
	own := counted(c)
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if own.end = cancel; own.phase == closed {
		cancel()
	}
	return context.WithValue(ctx, contextKey{}, own)
}

// Authenticate wraps an api.Config.Authenticate: a connection whose request it accepts is not closed before the response.
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

// keep notes that the request of a connection belongs to an account.
func (l *Limiter) keep(c *conn, account string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.phase == closed: // the response could not be sent, so nothing must be done
		return fmt.Errorf("%w: the connection was closed to make room", context.Canceled)
	case c.phase == busy: // it has another authenticated request (HTTP/2)
		return nil
	case slices.ContainsFunc(c.shares(), func(s *share) bool { return s.refuses(account) }):
		tooMany := api.NewError(api.CodeTooManyRequests, "Too many concurrent requests", nil)
		tooMany.RetryAfter = time.Second
		return tooMany
	}
	c.account = account
	l.setPhase(c, busy)
	return nil
}
