// Package apitest is for Go tests of programs that call the Trust Products API.
//
// [New] runs the whole stand-in inside the test: the API, the review, callbacks, e-mail and expiry, on a free port of
// 127.0.0.1 with a database and an account of its own.
//
//	s := apitest.New(t)
//	app := shop.New(s.BaseURL, s.AccountSID, s.AuthToken) // what is tested
//	app.Register("Acme")
//	s.Advance(time.Minute) // the review is done, and the callbacks have arrived
//
// The clock is in the test's hand. It stands still until [Server.Advance] moves it, so that nothing happens by itself: what
// is due, at once or later, happens inside of Advance, Approve and Reject and is done when they return. A day of retries and a
// year's validity take milliseconds. (Only a create moves the clock by a millisecond, so that lists have an order.)
//
// Callbacks to http URLs on this machine are really sent, so that the receiver is tested too; those to anywhere else are
// recorded as if 204 had been answered. Nothing leaves the machine, and no mail is sent. [Server.Callbacks] and
// [Server.Mails] show all of it. [Server.Inject] makes the next requests fail.
//
// The official SDK has no base URL. Give it [Server.Client], which leads https://trusthub.twilio.com to the server.
//
// A server is ready within milliseconds, any number run at a time, and all is gone when the test ends. Its methods may be
// called concurrently, but Advance, Approve and Reject not from inside of a receiver of callbacks: they wait for it.
//
// A suite of tests for an implementation of the API is in package conformance.
package apitest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Server is a Trust Hub that runs until its test ends.
type Server struct {
	BaseURL    string // http://127.0.0.1:PORT
	AccountSID string // of the account that may call
	AuthToken  string // its password; callbacks are signed with it, too

	tb        testing.TB
	app       *app.App
	store     *store.Store
	policy    trust.Policy
	clock     *clock
	faults    *faults
	records   *records
	transport *transport

	working sync.Mutex // held around app.Drain, which does not run beside itself
}

// Option changes what New does.
type Option func(*settings)

type settings struct {
	account       store.Account
	database      string
	start         time.Time
	policy        trust.Policy
	twilioRetries bool
	logger        *slog.Logger
}

// WithAccount sets the account: AC and 32 hex digits, and a token of letters and digits. Without it, New makes one up.
func WithAccount(sid, authToken string) Option {
	return func(s *settings) { s.account.SID, s.account.AuthToken = sid, authToken }
}

// WithDatabase keeps everything in a SQLite file or a postgres:// URL that the caller answers for, for example to have two
// servers on one database. Without it, the database is a temporary file.
func WithDatabase(name string) Option { return func(s *settings) { s.database = name } }

// WithStart sets what time it is at first: 2026-01-02 03:04:05 GMT unless set.
func WithStart(t time.Time) Option { return func(s *settings) { s.start = t } }

// WithReviewDelay sets how long the automatic review takes: two seconds unless set.
func WithReviewDelay(d time.Duration) Option { return func(s *settings) { s.policy.ReviewDelay = d } }

// WithManualReview leaves every decision to Approve and Reject.
func WithManualReview() Option { return func(s *settings) { s.policy.AutoReview = false } }

// WithValidFor sets how long an approval is valid: 365 days unless set.
func WithValidFor(d time.Duration) Option { return func(s *settings) { s.policy.ValidFor = d } }

// WithTwilioRetries tries a callback again as the real service does: once, at once, and only if no connection was made.
// Without it there are ten attempts over about 75 hours.
func WithTwilioRetries() Option { return func(s *settings) { s.twilioRetries = true } }

// WithLogger shows what the server logs. Without it, nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

// New starts a server that is closed when the test ends. It fails the test if it cannot.
func New(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	set := settings{
		start:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		policy: trust.Policy{AutoReview: true, ReviewDelay: 2 * time.Second, ValidFor: 365 * 24 * time.Hour},
	}
	for _, option := range options {
		option(&set)
	}
	if set.account.SID == "" {
		set.account = newAccount(set.start)
	}
	s := &Server{
		tb: tb, policy: set.policy, clock: &clock{time: set.start}, faults: &faults{}, records: &records{},
		AccountSID: set.account.SID, AuthToken: set.account.AuthToken,
	}
	s.open(set)
	s.serve()
	return s
}

func newAccount(now time.Time) store.Account {
	return store.Account{SID: trust.NewSID(trust.AccountPrefix, now), AuthToken: trust.NewAuthToken(), Created: now}
}

// open opens the database and puts the server together.
func (s *Server) open(set settings) {
	s.tb.Helper()
	var err error
	if set.database == "" {
		if set.database, err = newDatabase(s.tb.TempDir()); err != nil {
			s.tb.Fatalf("apitest: make a database: %v", err)
		}
	}
	if s.store, err = store.Open(s.tb.Context(), set.database, store.Options{}); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
	sender := callback.NewSender(callback.Config{
		Now:   s.clock.now,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	})
	s.tb.Cleanup(sender.Close)
	if s.app, err = app.New(s.tb.Context(), app.Config{
		Store: s.store, Now: s.clock.now, Logger: set.logger, Policy: s.policy,
		AllowGuessing: true, // a test of wrong passwords would get 429 for the tenth
		Call:          s.records.caller(sender, s.clock.now), Mail: s.records.mailer(s.clock.now),
		TwilioRetries: set.twilioRetries,
		Random:        func() float64 { return 0.5 }, // retries are exactly as far apart as their schedule says
	}); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
	s.tb.Cleanup(func() {
		if err := s.app.Close(); err != nil {
			s.tb.Errorf("apitest: close the server: %v", err)
		}
	})
	set.account.Created = set.start
	s.putAccount(set.account)
}

// serve answers requests until the test ends.
func (s *Server) serve() {
	// What waits in a fault must not hold up the end of the test.
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.tb.Context()))
	untilEnd := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestCtx, done := context.WithCancel(r.Context())
		defer done()
		defer context.AfterFunc(ctx, done)()
		s.faults.wrap(s.clock.wrap(s.app.Handler())).ServeHTTP(w, r.WithContext(requestCtx))
	})
	server := httptest.NewServer(untilEnd)
	s.BaseURL = server.URL
	s.transport = newTransport(server.URL)
	s.tb.Cleanup(func() {
		cancel()
		s.transport.close()
		server.Close()
	})
}

// AddAccount makes another account and returns its credentials.
func (s *Server) AddAccount() (sid, authToken string) {
	s.tb.Helper()
	account := newAccount(s.clock.now())
	s.putAccount(account)
	return account.SID, account.AuthToken
}

func (s *Server) putAccount(account store.Account) {
	s.tb.Helper()
	if !trust.ValidAccountSID(account.SID) || !trust.ValidAuthToken(account.AuthToken) {
		s.tb.Fatal("apitest: an account SID is AC and 32 hex digits, an auth token 1 to 128 letters and digits")
	}
	if err := s.store.PutAccount(s.tb.Context(), account); err != nil {
		s.tb.Fatalf("apitest: store the account: %v", err)
	}
}
