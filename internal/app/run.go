package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// shutdownTimeout is for requests in flight; the process must be gone within 10 s.
const shutdownTimeout = 9 * time.Second

// maxStreams limits the requests that a caller has at a time on one HTTP/2 connection.
const maxStreams = 32

// Run serves and works until ctx ends or serving fails, then finishes what is in flight. It may be called once.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx) // so that a server that fails stops the worker, too
	group.Go(func() error { return a.Serve(ctx) })
	group.Go(func() error { a.Work(ctx); return nil })
	return group.Wait()
}

// Serve is the half of Run that answers requests.
func (a *App) Serve(ctx context.Context) error {
	if a.main.listener == nil {
		return errors.New("app: Serve needs Config.Listen")
	}
	group, ctx := errgroup.WithContext(ctx) // so that one that fails stops the other
	group.Go(func() error { return a.main.serve(ctx, a.config) })
	for _, other := range []*site{a.operator, a.scraped} {
		if other != nil {
			group.Go(func() error { return other.serve(ctx, a.config) })
		}
	}
	if c := a.config; c.Certificate != nil {
		group.Go(func() error { c.Certificate.Watch(ctx, c.Logger); return nil })
	}
	return group.Wait()
}

// Work is the other half of Run: it reviews, delivers and removes what is old. With Config.NoDeliveries it does nothing.
func (a *App) Work(ctx context.Context) {
	if a.config.NoDeliveries {
		a.config.Logger.Warn("deliveries are off: nobody is called or mailed, and nothing is reviewed, expires or is removed")
		<-ctx.Done()
		return
	}
	a.worker.Run(ctx)
}

// Drain does all that is due by the clock, and what that makes due, and returns when it is done.
func (a *App) Drain(ctx context.Context) error { return a.worker.Drain(ctx) }

// ServeHandler serves any handler with the timeouts of the server until ctx ends, then finishes what is in flight.
func ServeHandler(ctx context.Context, handler http.Handler, listener net.Listener, log *slog.Logger) error {
	return serve(ctx, newServer(handler, log), listener, log)
}

// newServer returns a server that no caller can hold on to for long.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second, // counts from the header on, so it spans reading and the operation
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve answers requests until ctx ends or the listener fails, then finishes those in flight.
func serve(ctx context.Context, server *http.Server, listener net.Listener, log *slog.Logger) error {
	log.Info("serving", "address", listener.Addr().String())
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	var failure error
	select {
	case failure = <-failed:
	case <-ctx.Done():
	}
	log.Info("stopping")
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(deadline); errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(failure, fmt.Errorf("requests in flight were cut off: %w", err), server.Close())
	}
	return failure
}
