package app

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/opentrusthub/trusthub/internal/connections"
)

// site is a handler and the address at which it is served.
type site struct {
	handler    http.Handler
	limiter    *connections.Limiter // nil if nobody listens
	listener   net.Listener         // nil if nobody listens
	onShutdown func()               // ends what would not end by itself; nil for nothing
}

func (c Config) newLimiter() *connections.Limiter {
	return connections.New(connections.Config{
		Max: c.MaxConnections, MaxPerAddress: c.MaxConnectionsPerAddress, Unlimited: c.TrustedProxies,
		Now: c.Now, Logger: c.Logger,
	})
}

func (s *site) listen(ctx context.Context, address string) (err error) {
	s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	return err
}

// addr returns the address that the site listens on, or nil.
func (s *site) addr() net.Addr {
	if s == nil || s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// exposed reports whether others than this machine can reach the site.
func (s *site) exposed() bool {
	tcp, ok := s.addr().(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// serve answers requests until ctx ends or the listener fails, then finishes those in flight.
func (s *site) serve(ctx context.Context, c Config) error {
	server := newServer(s.handler, c.Logger)
	if c.Certificate != nil {
		server.TLSConfig = c.Certificate.Config()
	}
	if s.onShutdown != nil {
		server.RegisterOnShutdown(s.onShutdown)
	}
	return serve(ctx, server, s.limiter.Limit(server, s.listener), c.Logger)
}

// close closes the listener, unless the site has been served.
func (s *site) close() error {
	if s == nil || s.listener == nil {
		return nil
	}
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
