package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
)

type serveCmd struct {
	dbFlag
	reviewFlags
	deliveryFlags
	callerFlags
	quotaFlags
	Listen     string `default:"127.0.0.1:8080" env:"TRUSTHUB_LISTEN" help:"Address to listen on; port 0 chooses a free one."`
	PublicURL  string `name:"public-url" env:"TRUSTHUB_PUBLIC_URL" placeholder:"URL" help:"URL that callers use to reach the server, if it is behind a proxy."`
	AccountSID string `name:"account-sid" env:"TWILIO_ACCOUNT_SID" placeholder:"SID" help:"Account to create, or to give --auth-token as its token. Without it, the first start creates an account."`
	AuthToken  string `name:"auth-token" env:"TWILIO_AUTH_TOKEN" help:"Auth token of that account. Prefer the variable: other users of the machine can see the command line."`
	operatorFlags
	tlsFlags
	metricsFlag
	Test bool   `help:"Serve a test until the process that started it ends, on a free port of 127.0.0.1, with a fixed account and a temporary database. Prints one line of JSON with base_url, account_sid, auth_token, operator_token, primary_customer_profile_sid and console_url. Sends no mail and ignores the environment."`
	Seed string `name:"seed" placeholder:"FILE" help:"With --test: YAML file of bundles, end users and supporting documents to start with, as for 'trusthub seed'. The line of JSON then also has their sids."`

	given    []string          // names of the flags on the command line
	seedFile *seed.File        // of --seed
	seeded   map[string]string // SIDs by its keys
}

// Run serves until ctx is canceled, then finishes what is in flight.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	if c.Test {
		return c.runTest(ctx, s)
	}
	if c.Seed != "" {
		return errors.New("--seed requires --test; use 'trusthub seed' for a database")
	}
	if err := c.operatorFlags.validate(); err != nil {
		return err
	}
	return c.run(ctx, newLogger(s.err), func(started started) {
		collectLessOften()
		c.greet(s.out, started)
	})
}

// collectLessOften lets the heap grow to 2.5 times of what is in use before garbage is collected, unless GOGC is set. A server
// has little in use, about 4 MB, so with Go's default of twice as much it would collect every few hundred requests. The start makes
// more garbage than that, so this comes after it.
func collectLessOften() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(150)
	}
}

// started is what a server has when it listens.
type started struct {
	address net.Addr
	made    *store.Account // the account that it has created, or nil
	console string         // the link that logs in to the console; empty unless this is the first start on the database
}

// run calls ready once it listens.
func (c *serveCmd) run(ctx context.Context, log *slog.Logger, ready func(started)) (err error) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return errors.New("--listen must be a host or IP address and a port, such as 127.0.0.1:8080")
	}
	if err := errors.Join(c.tlsFlags.validate(), c.metricsFlag.validate()); err != nil {
		return err
	}
	folder := os.TempDir()
	if c.Test {
		folder = filepath.Dir(c.DB)
	}
	remove, err := c.load(host, folder)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return err
	}
	db, err := c.open(ctx, store.Options{Access: store.Migrate})
	if err != nil {
		return err
	}
	if from, to := db.Migrated(); from != 0 && from != to {
		log.Info("upgraded the database's schema", "from", from, "to", to)
	}

	config, err := c.config(db, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	server, err := app.New(ctx, config)
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "listen" && failed.Addr == nil { // its text repeats the host
		return c.unknownHost()
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	made, err := c.ensureAccount(ctx, db, log) // last, because nobody would see the token of an account that a failed start created
	if err != nil {
		return err
	}
	if c.Seed != "" {
		if c.seeded, err = c.seed(ctx, db, time.Now()); err != nil {
			return err
		}
	}
	if !c.Test {
		if err := errors.Join(warnOfShortTokens(ctx, db, log), c.logEncryption(ctx, db, log)); err != nil {
			return err
		}
	}
	if own := server.OperatorAddr(); own != nil && own != server.Addr() {
		log.Info("operators have an address of their own", "address", own.String())
	}
	if address := server.MetricsAddr(); address != nil {
		log.Info("metrics are served", "address", address.String(), "path", "/metrics")
	}
	link, err := c.consoleLink(ctx, db, server.OperatorAddr())
	if err != nil {
		return err
	}
	ready(started{server.Addr(), made, link})
	return server.Run(ctx)
}

// consoleLink returns a link that logs in to the console if this is the first start on the database, as that of a test always is.
func (c *serveCmd) consoleLink(ctx context.Context, db *store.Store, address net.Addr) (string, error) {
	if from, _ := db.Migrated(); address == nil || from != 0 {
		return "", nil
	}
	life := console.LinkLife
	if c.Test {
		life = testLinkLife
	}
	return console.NewLink(ctx, db, c.localURL(address), time.Now(), life)
}

// unknownHost returns an error that names the flags with an address to listen on.
func (c *serveCmd) unknownHost() error {
	flags := "--listen"
	if c.OperatorListen != "" {
		flags += " or --operator-listen"
	}
	if c.MetricsListen != "" {
		flags += " or --metrics-listen"
	}
	return errors.New(flags + ": unknown host or port")
}

// config returns the server's configuration.
func (c *serveCmd) config(db *store.Store, log *slog.Logger) (app.Config, error) {
	send, err := c.mailSender(log)
	var controlled *control.Control
	if c.Test {
		controlled = c.newTestControl(db)
	}
	return app.Config{
		Store:                    db,
		Now:                      time.Now,
		Control:                  controlled,
		Logger:                   log,
		Listen:                   c.Listen,
		Certificate:              c.certificate,
		PublicURL:                c.PublicURL,
		TrustedProxies:           prefixes(c.TrustedProxies),
		MaxConnections:           int(c.MaxConnections),
		MaxConnectionsPerAddress: int(c.MaxConnectionsPerAddress),
		Limits:                   c.limits(),
		MetricsListen:            c.MetricsListen,
		RequestLog:               int(c.RequestLog),
		Name:                     c.name(),
		AllowGuessing:            c.Test, // its token is public, and all callers have one address
		Operator:                 app.Operator{Token: c.OperatorToken, Console: true, Listen: c.OperatorListen, Share: c.Test},
		Policy:                   c.policy(),
		Quotas:                   c.quotas(),
		Callbacks: func(listen net.Addr) callback.Config {
			config, rule := c.callbackConfig(listen, c.PublicURL)
			log.Info(rule)
			return config
		},
		Mail:          send,
		MailFrom:      c.MailFrom,
		TwilioRetries: c.CallbackRetries == "twilio",
		MailsPerHour:  int(c.MaxMailsPerHour),
		Lease:         time.Duration(c.Lease),
		Keep:          time.Duration(c.Keep),
		NoDeliveries:  c.NoDeliveries,
	}, err
}

// ensureAccount stores the account that was given. Without one, it creates an account in a database that has none, and returns it.
func (c *serveCmd) ensureAccount(ctx context.Context, db *store.Store, log *slog.Logger) (made *store.Account, err error) {
	now := time.Now()
	if c.AccountSID == "" && c.AuthToken == "" {
		account := operator.NewAccount(now)
		stored, err := db.FirstAccount(ctx, account)
		if err != nil || !stored {
			return nil, err
		}
		return &account, nil
	}
	if c.AccountSID == "" || c.AuthToken == "" {
		return nil, errors.New("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN (or --account-sid and --auth-token) must be set together")
	}
	account := store.Account{SID: c.AccountSID, AuthToken: c.AuthToken, Created: now}
	return nil, putAccount(ctx, db, account, log)
}
