package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/guessing"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// shutdownTimeout is for what is in flight; the process is to be gone within 10 s.
const shutdownTimeout = 9 * time.Second

type serveCmd struct {
	dbFlag
	reviewFlags
	deliveryFlags
	callerFlags
	quotaFlags
	Listen     string `default:"127.0.0.1:8080" env:"TRUSTHUB_LISTEN" help:"Address to listen on; port 0 takes a free one and prints it."`
	PublicURL  string `name:"public-url" env:"TRUSTHUB_PUBLIC_URL" help:"URL that callers reach the server at, if a proxy stands in between."`
	AccountSID string `name:"account-sid" env:"TWILIO_ACCOUNT_SID" help:"Account to serve, made where it is missing. Without it the first start makes one."`
	AuthToken  string `name:"auth-token" env:"TWILIO_AUTH_TOKEN" help:"Auth token of that account. Prefer the environment: other users see a command line."`
	Test       bool   `help:"Serve a test: on a free port of 127.0.0.1, with a known account and a temporary database, until the process that started it ends. Sends no mail and ignores the environment. Prints one line of JSON with base_url, account_sid and auth_token."`

	given []string // names of the flags on the command line
}

// Run serves until ctx ends, then finishes what is in flight.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	if c.Test {
		return c.runTest(ctx, s)
	}
	return c.run(ctx, newLogger(s.err), func(address net.Addr, made *store.Account) { c.greet(s.out, address, made) })
}

// run calls ready once it listens, with its address and with the account that it has made, if any.
func (c *serveCmd) run(ctx context.Context, log *slog.Logger, ready func(address net.Addr, made *store.Account)) (err error) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return errors.New("--listen must be a host or an IP address and a port, such as 127.0.0.1:8080")
	}
	db, err := c.open(ctx, store.Migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if from, to := db.Migrated(); from != 0 && from != to {
		log.Info("migrated the database's schema", "from", from, "to", to)
	}

	h := hub.New(db, c.policy(), c.quotas(), time.Now)
	authenticate := h.Authenticate
	if !c.Test { // whose account is known anyway, and whose callers all have one address
		authenticate = guessing.New(db, authenticate, time.Now, log).Authenticate
	}
	limiter := c.newLimiter(log)
	handler, err := api.New(h, api.Config{
		Authenticate:   limiter.Authenticate(authenticate),
		MapError:       hub.MapError,
		Health:         h.Health,
		PublicURL:      c.PublicURL,
		TrustedProxies: prefixes(c.TrustedProxies),
		Logger:         log,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Addr == nil { // its text repeats what was looked up
		return errors.New("--listen: unknown host or port")
	}
	if err != nil {
		return err
	}
	worker, closeConnections, err := c.newWorker(db, c.policy(), listener.Addr(), c.PublicURL, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer closeConnections()
	made, err := c.ensureAccount(ctx, db) // last, so that no failed start makes an account and does not show it
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if !c.Test {
		if err := warnOfShortTokens(ctx, db, log); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	ready(listener.Addr(), made)

	// Where the server fails, the worker stops too; both get their time to finish when ctx ends.
	group, ctx := errgroup.WithContext(ctx)
	server := newServer(handler, log)
	limited := limiter.Limit(server, listener)
	group.Go(func() error { return serve(ctx, server, limited, log) })
	group.Go(func() error { worker.Run(ctx); return nil })
	return group.Wait()
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
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, server *http.Server, listener net.Listener, log *slog.Logger) error {
	log.Info("serving", "address", listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		return errors.Join(fmt.Errorf("requests in flight were cut off: %w", err), server.Close())
	}
	return nil
}

// ensureAccount stores the account of the environment; without one it makes the first and returns it.
func (c *serveCmd) ensureAccount(ctx context.Context, db *store.Store) (made *store.Account, err error) {
	now := time.Now()
	if c.AccountSID == "" && c.AuthToken == "" {
		account := store.Account{SID: trust.NewSID(trust.AccountPrefix, now), AuthToken: trust.NewAuthToken(), Created: now}
		stored, err := db.FirstAccount(ctx, account)
		if err != nil || !stored {
			return nil, err
		}
		return &account, nil
	}
	if c.AccountSID == "" || c.AuthToken == "" {
		return nil, errors.New("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (or --account-sid and --auth-token) go together: one is missing")
	}
	account := store.Account{SID: c.AccountSID, AuthToken: c.AuthToken, Created: now}
	return nil, putAccount(ctx, db, account)
}
