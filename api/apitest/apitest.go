// Package apitest is for Go tests of programs that call the Trust Hub API.
//
// [New] runs the whole server inside the test: the API, the review, callbacks, e-mail and expiry, on a free port of
// 127.0.0.1 with a database and an account of its own.
//
//	s := apitest.New(t)
//	app := shop.New(s.BaseURL, s.AccountSID, s.AuthToken) // the program under test
//	app.Register("Acme")
//	s.Advance(time.Minute) // the review is done, and the callbacks have arrived
//
// The test controls the clock, which only [Server.Advance] moves. Nothing happens by itself: whatever is due happens inside
// Advance, Approve and Reject and is done when they return. A day of retries and a year's validity take milliseconds. Each
// create moves the clock by a millisecond, so that lists have an order.
//
// Callbacks to http URLs on this machine are sent, so that the receiver is tested too. Those to any other URL are recorded as
// if it had returned 204. Nothing leaves the machine, and no mail is sent. [Server.Callbacks] and [Server.Mails] return what
// was sent or recorded. [Server.Inject] makes the next requests fail.
//
// [WithSeed] starts a server with bundles in any status, and with what is assigned to them.
//
// The official SDK has no base URL. Give it [Server.Client], which sends requests for https://trusthub.twilio.com to the
// server.
//
// A server starts within milliseconds, and any number can run at a time. It is stopped and its database removed when the test
// ends; [Server.Reset] lets tests share one. Its methods may be called concurrently, but a receiver of callbacks must not call
// Advance, Approve, Reject or Reset: they wait for it.
//
// Programs in other languages have the same with `trusthub serve --test`: see examples/node.
//
// A suite of tests for an implementation of the API is in package conformance.
package apitest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Server is a server that runs until its test ends.
type Server struct {
	BaseURL    string // http://127.0.0.1:PORT
	AccountSID string // of the account that New has created
	AuthToken  string // of that account; signs its callbacks, too

	// PrimaryCustomerProfileSID is the SID of the account's Primary Customer Profile, which is approved and can be assigned to
	// other profiles, also to those of other accounts.
	PrimaryCustomerProfileSID string

	tb        testing.TB
	app       *app.App
	store     *store.Store
	policy    trust.Policy
	control   *control.Control
	records   *records
	transport *transport
	seeds     []*seed.File
	sids      map[string]string // of what was seeded, by keys
}

// Option changes what New does.
type Option func(*settings)

type settings struct {
	account       store.Account
	database      string
	start         time.Time
	policy        trust.Policy
	twilioRetries bool
	seeds         []seedText
	logger        *slog.Logger
}

// WithAccount sets the account: AC and 32 hex digits, and a token of letters and digits. Without it, New generates them.
func WithAccount(sid, authToken string) Option {
	return func(s *settings) { s.account.SID, s.account.AuthToken = sid, authToken }
}

// WithDatabase sets the database, a SQLite file or a postgres:// URL, for example to run two servers on it. The caller removes
// it. Without it, the database is a temporary file.
func WithDatabase(name string) Option { return func(s *settings) { s.database = name } }

// WithStart sets the initial time: 2026-01-02 03:04:05 GMT unless set.
func WithStart(t time.Time) Option { return func(s *settings) { s.start = t } }

// WithReviewDelay sets how long the automatic review takes: two seconds unless set.
func WithReviewDelay(d time.Duration) Option { return func(s *settings) { s.policy.ReviewDelay = d } }

// WithManualReview leaves every decision to Approve and Reject.
func WithManualReview() Option { return func(s *settings) { s.policy.AutoReview = false } }

// Compliance is what happens to a submission that does not comply with its policy; see WithCompliance.
type Compliance string

// The three ways.
const (
	ComplianceOff    Compliance = "off"    // it is submitted, and not evaluated
	ComplianceRefuse Compliance = "refuse" // it gets 400, and the message contains the URL of its evaluation
	ComplianceReject Compliance = "reject" // the automatic review rejects it with the evaluation's first error code
)

// WithCompliance sets what happens to a submission that does not comply with its policy: nothing unless set.
func WithCompliance(c Compliance) Option {
	return func(s *settings) { s.policy.Compliance = trust.Enforcement(c) }
}

// WithValidFor sets how long an approval is valid: 365 days unless set.
func WithValidFor(d time.Duration) Option { return func(s *settings) { s.policy.ValidFor = d } }

// WithTwilioRetries retries a callback as the real service does: once, immediately, and only if no connection was made. Without
// it there are ten attempts over about 75 hours.
func WithTwilioRetries() Option { return func(s *settings) { s.twilioRetries = true } }

// WithLogger sets the server's logger. Without it, nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

// New starts a server that is closed when the test ends. It fails the test if the server cannot start.
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
		tb: tb, policy: set.policy, records: &records{},
		AccountSID: set.account.SID, AuthToken: set.account.AuthToken,
		PrimaryCustomerProfileSID: trust.PrimarySID(set.account.SID),
	}
	s.control = control.New(control.NewClock(set.start, time.Now), func(ctx context.Context) error {
		_, err := s.seed(ctx)
		return err
	})
	s.open(set)
	s.serve()
	return s
}

func newAccount(now time.Time) store.Account {
	return store.Account{SID: trust.NewSID(trust.AccountPrefix, now), AuthToken: trust.NewAuthToken(), Created: now}
}

// open opens the database and creates the server.
func (s *Server) open(set settings) {
	s.tb.Helper()
	var err error
	if set.database == "" {
		if set.database, err = newDatabase(s.tb.TempDir()); err != nil {
			s.tb.Fatalf("apitest: create a database: %v", err)
		}
	}
	if s.store, err = store.Open(s.tb.Context(), set.database, store.Options{}); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
	composer, err := mail.NewComposer(mail.DefaultFrom)
	if err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
	sender := callback.NewSender(callback.Config{
		Now:   s.Now,
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	})
	s.tb.Cleanup(sender.Close)
	if s.app, err = app.New(s.tb.Context(), app.Config{
		Store: s.store, Control: s.control, Logger: set.logger, Policy: s.policy,
		AllowGuessing: true, // otherwise a test of wrong passwords would get 429 after a few
		Call:          s.records.caller(sender, s.Now), Mail: s.records.mailer(composer, s.Now),
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
	s.parseSeeds(set.seeds)
	if s.sids, err = s.seed(s.tb.Context()); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
}

// serve serves requests until the test ends.
func (s *Server) serve() {
	// A request that is delayed by a fault must not delay the end of the test.
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.tb.Context()))
	untilEnd := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requestCtx, done := context.WithCancel(r.Context())
		defer done()
		defer context.AfterFunc(ctx, done)()
		s.app.Handler().ServeHTTP(w, r.WithContext(requestCtx))
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

// Reset returns the server to what it was after New, for tests that share one: it deletes everything but the accounts and their
// Primary Customer Profiles, the faults that are left, and what Callbacks and Mails return; what was seeded is there again. The
// clock is left alone.
func (s *Server) Reset() {
	s.tb.Helper()
	if err := s.control.Reset(s.context(), true); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
	s.records.clear()
}

// AddAccount creates another account and returns its credentials.
func (s *Server) AddAccount() (sid, authToken string) {
	s.tb.Helper()
	account := newAccount(s.Now())
	s.putAccount(account)
	return account.SID, account.AuthToken
}

func (s *Server) putAccount(account store.Account) {
	s.tb.Helper()
	if !trust.ValidAccountSID(account.SID) || !trust.ValidAuthToken(account.AuthToken) {
		s.tb.Fatal("apitest: an account SID must be AC and 32 hex digits, an auth token 1 to 128 letters and digits")
	}
	if err := s.store.PutAccount(s.tb.Context(), account); err != nil {
		s.tb.Fatalf("apitest: store the account: %v", err)
	}
}
