// Package app puts the server together: store, hub, API and worker, the limits on callers, and the order in which all of it
// starts and stops.
//
// It is the only place that does so. The program (cmd/trusthub), the server of Go tests (api/apitest), the benchmark and the
// tests of the whole server differ in their Config and in nothing else.
//
// # What it guarantees
//
//   - Once New has returned, the configuration is valid, the database is open and, with Config.Listen, the port is taken. A New
//     that fails leaves nothing open.
//   - Run ends when its context does. New requests are refused from then on; requests and deliveries in flight have 9 seconds,
//     so that the process is gone within 10.
//   - No caller can hold on to the server for long: every phase of a request has a timeout.
//
// # What it does not do
//
// It reads no flags, no environment and no signals, and it writes nothing but its log. The clock is passed in.
package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/certificates"
	"github.com/opentrusthub/trusthub/internal/connections"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/guessing"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/limits"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/metrics"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// The values that zero fields of a Config stand for.
const (
	DefaultMaxConnections           = 4096
	DefaultMaxConnectionsPerAddress = 1024
	DefaultKeep                     = 30 * 24 * time.Hour
)

// MinConnections is the least that Config.MaxConnections and Config.MaxConnectionsPerAddress can be, besides 0.
const MinConnections = connections.MinMax

// Quotas bound what one account may have.
type Quotas = hub.Quotas

// Limits bound how many requests one account has at a time and in a second.
type Limits = limits.Config

// Config describes a server. Store is required, and Now or Control. Every other field may be left at its zero value, which is the
// safe choice unless its comment says otherwise.
type Config struct {
	// Store keeps everything. It belongs to the App from the call of New on: App.Close closes it, and so does a New that fails.
	Store *store.Store
	// Now is the clock. Timeouts and the durations in the log go by real time.
	Now func() time.Time
	// Control, if set, is the clock instead of Now, and lets a test make requests fail and reset the server. Each server has its
	// own.
	Control *control.Control
	// Logger gets the log. Nil means no log.
	Logger *slog.Logger

	// Listen is the address to listen on, host:port; port 0 takes a free one. Empty means that nobody listens: requests are
	// passed to App.Handler, where no limit on connections applies.
	Listen string
	// Certificate, if set, makes the server speak TLS, on all of its addresses. Its files are watched while the server runs.
	Certificate *certificates.Source
	// PublicURL and TrustedProxies are those of api.Config.
	PublicURL      string
	TrustedProxies []netip.Prefix
	// MaxConnections and MaxConnectionsPerAddress bound the open connections; see package connections. 0 means the defaults.
	MaxConnections, MaxConnectionsPerAddress int
	// Limits bound the requests of each account on this server, by real time. The zero Limits mean no limit.
	Limits Limits
	// RequestLog is how many requests of each account App.RequestLog keeps in memory, and the operator API shows. 0 means none.
	RequestLog int
	// Name is the server's in the operator API, to tell it from others on the same database.
	Name string
	// AllowGuessing turns off the limit on wrong passwords, for a server whose account is known to everybody anyway.
	AllowGuessing bool

	// MetricsListen is an address to serve metrics at for Prometheus, host:port. Everybody who can reach it can read them. Empty
	// means that nothing is counted.
	MetricsListen string

	// Operator is what serves those who run the server, and where. The zero Operator turns it off.
	Operator Operator

	// Policy is how bundles are reviewed. The zero Policy leaves every decision to people.
	Policy trust.Policy
	// Quotas bound what one account may have. Zero fields mean no limit.
	Quotas Quotas
	// Wrap returns what serves the operations instead of the hub, for tests and benchmarks that put something around it. Nil
	// means the hub.
	Wrap func(*hub.Hub) server.StrictServerInterface

	// Callbacks returns where callbacks may go, given the address that the server listens on, which is nil without Listen. The
	// Now of what it returns is ignored. Nil means to the public internet only.
	Callbacks func(listen net.Addr) callback.Config
	// Call makes one attempt at a callback. Nil means to send it as Callbacks allows.
	Call func(ctx context.Context, n trust.Notice, authToken string) trust.Attempt
	// Mail makes one attempt at an e-mail. Nil means that mail is off: messages are recorded as not sent.
	Mail func(ctx context.Context, n trust.Notice) trust.Attempt
	// MailFrom is the sender of what Mail sends, as in mail.Config, for the operator API to show messages. Empty means
	// mail.DefaultFrom.
	MailFrom string
	// TwilioRetries retries callbacks as the real service does, instead of 10 times over about 75 hours.
	TwilioRetries bool
	// MailsPerHour and Lease are those of jobs.Config.
	MailsPerHour int
	Lease        time.Duration
	// Keep is how long deliveries are kept after they ended, and histories of bundles after their deletion. 0 means DefaultKeep.
	Keep time.Duration
	// NoDeliveries turns the worker off: nobody is called or mailed, and nothing else happens by itself: no review step, no end
	// of an approval, no removal of what is old. It is for a restored copy, whose customers the real server looks after.
	NoDeliveries bool
	// Random returns numbers in [0, 1), which spread retries. Nil means math/rand/v2.Float64.
	Random func() float64

	realNow func() time.Time // Now, even with Control
}

// validate reports what would keep the server from working.
func (c Config) validate() error {
	switch {
	case c.Store == nil:
		return errors.New("app: Config.Store is required")
	case c.Now == nil:
		return errors.New("app: Config.Now is required")
	case c.NoDeliveries && c.Control != nil:
		return errors.New("app: Config.Control needs a worker, which Config.NoDeliveries turns off")
	case min(c.MaxConnections, c.MaxConnectionsPerAddress) < MinConnections:
		return errors.New("app: the limits on connections are too low")
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.MaxConnections = cmp.Or(c.MaxConnections, DefaultMaxConnections)
	c.MaxConnectionsPerAddress = cmp.Or(c.MaxConnectionsPerAddress, DefaultMaxConnectionsPerAddress)
	c.Keep = cmp.Or(c.Keep, DefaultKeep)
	c.MailFrom = cmp.Or(c.MailFrom, mail.DefaultFrom)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Wrap == nil {
		c.Wrap = func(h *hub.Hub) server.StrictServerInterface { return h }
	}
	c.realNow = c.Now
	if c.Control != nil {
		c.Now = c.Control.Clock.Now
	}
	if c.realNow == nil {
		c.realNow = c.Now
	}
	if c.Callbacks == nil {
		c.Callbacks = func(net.Addr) callback.Config { return callback.Config{} }
	}
	return c
}

// App is a server that has been put together. Close it after its last use.
type App struct {
	config   Config
	main     *site
	operator *site // nil unless operators have an address of their own
	scraped  *site // where metrics are served, nil without Config.MetricsListen
	metrics  *metrics.Metrics
	requests *requestlog.Log // nil without Config.RequestLog
	sender   *callback.Sender
	worker   *jobs.Worker

	endStreams []func() // of the operator API and of the console
}

// New puts a server together and has it listen. It answers no request and does no job before Run.
func New(ctx context.Context, config Config) (_ *App, err error) {
	a := &App{config: config.withDefaults(), main: &site{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.config.validate(); err != nil {
		return nil, err
	}
	if err := a.buildMetrics(ctx); err != nil {
		return nil, err
	}
	if err := a.buildMain(ctx); err != nil {
		return nil, err
	}
	if err := a.buildOperator(ctx); err != nil {
		return nil, err
	}
	a.buildWorker()
	return a, nil
}

// buildMain makes what answers the requests of customers, and has it listen if the server is to do so.
func (a *App) buildMain(ctx context.Context) error {
	c := a.config
	h := hub.New(c.Store, c.Policy, c.Quotas, c.Now)
	authenticate := h.Authenticate
	if !c.AllowGuessing {
		authenticate = guessing.New(c.Store, authenticate, c.Now, c.Logger).Authenticate
	}
	if c.Listen != "" {
		a.main.limiter = c.newLimiter()
		authenticate = a.main.limiter.Authenticate(authenticate)
	}
	var admit func(accountSID string) (running int, release func(), err error)
	if !c.Limits.IsZero() {
		admit = limits.New(c.Limits, c.realNow).Admit
	}
	if c.RequestLog > 0 {
		a.requests = requestlog.New(c.RequestLog, c.Now)
	}
	var err error
	if a.main.handler, err = api.New(c.Wrap(h), api.Config{
		Authenticate: authenticate, Admit: admit, MapError: hub.MapError, Health: h.Health,
		PublicURL: c.PublicURL, TrustedProxies: c.TrustedProxies, Logger: c.Logger, Observe: a.observe(),
	}); err != nil {
		return err
	}
	if c.Control != nil {
		a.main.handler = c.Control.Handler(a.main.handler)
	}
	if c.Listen == "" {
		return nil
	}
	return a.main.listen(ctx, c.Listen)
}

// buildWorker makes what delivers and reviews. The listener comes first, because where callbacks may go can depend on it.
func (a *App) buildWorker() {
	c := a.config
	config := jobs.Config{
		Store: c.Store, Policy: c.Policy, Retries: jobs.StandardRetries(), Call: c.Call, Mail: c.Mail,
		MailsPerHour: c.MailsPerHour, Lease: c.Lease, Keep: c.Keep, Now: c.Now, Random: c.Random, Logger: c.Logger,
	}
	if a.metrics != nil {
		config.Observe = a.metrics.ObserveDelivery
	}
	if c.TwilioRetries {
		config.Retries = jobs.TwilioRetries()
	}
	if config.Call == nil {
		callbacks := c.Callbacks(a.Addr())
		callbacks.Now = c.Now
		a.sender = callback.NewSender(callbacks)
		config.Call = a.sender.Send
	}
	a.worker = jobs.NewWorker(config)
	if c.Control != nil {
		c.Control.Attach(c.Store, a.worker, a.requests)
	}
}

// endAllStreams ends the responses that would not end by themselves.
func (a *App) endAllStreams() {
	for _, end := range a.endStreams {
		end()
	}
}

// Addr returns the address that the server listens on, nil without Config.Listen.
func (a *App) Addr() net.Addr { return a.main.addr() }

// Handler returns what answers requests, to be called within the process, whether or not the server listens or runs.
func (a *App) Handler() http.Handler { return a.main.handler }

// Store returns the store, for what a caller puts into it before the server runs. It is closed by Close.
func (a *App) Store() *store.Store { return a.config.Store }

// RequestLog returns the latest requests, nil without Config.RequestLog.
func (a *App) RequestLog() *requestlog.Log { return a.requests }

// Close releases what New acquired. Call it when Run, Serve, Work and Drain have returned.
func (a *App) Close() error {
	errs := []error{a.main.close(), a.operator.close(), a.scraped.close()}
	a.endAllStreams()
	if a.sender != nil {
		a.sender.Close()
	}
	if a.config.Store != nil {
		errs = append(errs, a.config.Store.Close())
	}
	return errors.Join(errs...)
}
