package console

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/eventstream"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Path is the start of the paths of all pages.
const Path = "/console/"

// Config is what a console needs. Fields are required unless their comment says otherwise.
type Config struct {
	Store    *store.Store
	Operator *operator.Operator // what pages do
	Requests operator.Requests
	Mails    mail.Composer // writes what e-mails are, or would be, sent as
	Policy   trust.Policy
	Now      func() time.Time // the server's clock, by which decisions are dated
	Logger   *slog.Logger
	// Control is nil outside test mode.
	Control *control.Control

	// LoginNow is the clock of logins. It is real time even if a test moves the server's clock, which would end its session.
	LoginNow func() time.Time
	// Admit is called for each request of a session, and returns an error if the server has too many requests. Nil admits all.
	Admit func(ctx context.Context) error
	// Loopback says that only this machine can reach the console, so that requests for another host are forged.
	Loopback bool
	// PublicURL is the URL by which browsers reach the console if it is behind a proxy; may be empty.
	PublicURL string
	// API is the address of the API of customers if it is not that of the console, or nil.
	API net.Addr
	// APIURL is the public URL of that API; may be empty.
	APIURL string
}

// Console serves the pages.
type Console struct {
	Config

	pages     []page
	templates func() (map[string]*templates, error) // by the names of pages' templates
	assets    map[string]asset
	marks     marks
	streams   *eventstream.Streams
	handler   http.Handler
}

// New returns a console.
func New(config Config) (*Console, error) {
	c := &Console{Config: config, streams: eventstream.New(eventstream.DefaultConfig())}
	c.marks.store, c.marks.requests, c.marks.control, c.marks.now = config.Store, config.Requests.Log, config.Control, config.Now
	c.pages = c.allPages()
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	c.templates = sync.OnceValues(c.loadTemplates)
	if c.handler, err = c.safe(c.routes()); err != nil {
		return nil, err
	}
	return c, nil
}

// ServeHTTP serves the paths that begin with Path, and /console.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// EndStreams ends all streams, and has no more begin.
func (c *Console) EndStreams() { c.streams.Close() }

// allPages returns the pages, in the order of the navigation. See the package documentation for how to add one.
func (c *Console) allPages() []page {
	pages := []page{
		c.homePage(),
		c.bundlesPage(),
		c.bundlePage(),
		c.reviewsPage(),
		c.deliveriesPage(),
		c.deliveryPage(),
		c.replayPage(),
		c.messagesPage(),
		c.messagePage(),
		c.requestsPage(),
		c.policiesPage(),
		c.policyPage(),
		c.accountsPage(),
		c.keysPage(),
		c.keyPage(),
		c.tokenPage(),
	}
	if c.Control != nil {
		pages = append(pages, c.testPage())
	}
	return pages
}

// routes returns the handler of all paths. Only the login and the static files can be had without a session.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	for name, file := range c.assets {
		mux.Handle("GET "+staticPath+name, file)
	}
	mux.HandleFunc("GET "+loginPath, c.showLogin)
	mux.HandleFunc("POST "+loginPath, c.form(c.logIn))
	mux.HandleFunc("POST "+logoutPath, c.form(c.logOut))
	mux.HandleFunc("GET "+eventsPath, c.private(c.streamMarks))
	mux.HandleFunc("POST "+addAccountPath, c.private(c.form(c.addAccount)))
	mux.HandleFunc("POST "+addKeyPattern, c.private(c.form(c.addKey)))
	mux.HandleFunc("POST "+rotateTokenPath, c.private(c.form(c.rotateToken)))
	for _, p := range c.pages {
		mux.HandleFunc("GET "+p.pattern(), c.private(c.showPage(p)))
		for name, act := range p.actions {
			mux.HandleFunc("POST "+p.actionPattern(name), c.private(c.form(c.perform(act))))
		}
	}
	mux.HandleFunc(Path, c.private(func(w http.ResponseWriter, r *http.Request) { c.fail(w, r, errNotFound) }))
	return mux
}
