package app

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
)

// Operator configures what the people who run the server use: the operator API and the console.
type Operator struct {
	// Token is what operators authenticate with. Empty means that the API is off.
	Token string
	// Console says that the console is on. It has logins of its own, and needs no token.
	Console bool
	// Listen is an address of its own to listen on, host:port. If it is empty, API and console share Config.Listen if that is on
	// loopback or Share is set, and are off otherwise. Without Config.Listen they are part of App.Handler.
	Listen string
	Share  bool
}

// buildOperator makes what serves operators, and has it listen if it has an address of its own.
func (a *App) buildOperator(ctx context.Context) (err error) {
	c := a.config
	switch {
	case c.Operator.Token == "" && !c.Operator.Console:
		return nil
	case c.Operator.Listen == "" && !c.Operator.Share && a.main.exposed():
		const reason = "it has no address of its own, and the server does not listen on loopback"
		if c.Operator.Token != "" {
			c.Logger.Warn("the operator API is off: " + reason)
		}
		if c.Operator.Console {
			c.Logger.Info("the console is off: " + reason)
		}
		return nil
	}
	at, others := a.main, a.main.handler
	if c.Operator.Listen != "" {
		a.operator = &site{limiter: c.newLimiter()}
		at, others = a.operator, http.NotFoundHandler()
		if err := at.listen(ctx, c.Operator.Listen); err != nil {
			return err
		}
	}
	mails, err := mail.NewComposer(c.MailFrom)
	if err != nil {
		return err
	}
	o := operator.New(c.Store, a.operatorRequests(), mails, c.Policy, c.Now, c.Control)
	a.endStreams = append(a.endStreams, o.EndStreams)
	routes := operatorRoutes{others: others, home: a.operator != nil}
	if c.Operator.Token != "" {
		if routes.api, err = a.newOperatorAPI(at, o); err != nil {
			return err
		}
	}
	if c.Operator.Console {
		if routes.console, err = a.newConsole(at, o, mails); err != nil {
			return err
		}
	}
	at.handler, at.onShutdown = routes, a.endAllStreams
	return nil
}

// newOperatorAPI returns the handler of the operator API for a site.
func (a *App) newOperatorAPI(at *site, o *operator.Operator) (http.Handler, error) {
	c := a.config
	authenticate := api.OperatorToken(c.Operator.Token)
	if at.limiter != nil {
		authenticate = at.limiter.Authenticate(authenticate)
	}
	config := api.Config{
		Authenticate: authenticate, MapError: operator.MapError, TrustedProxies: c.TrustedProxies, Logger: c.Logger,
		TestMode: c.Control != nil,
	}
	if a.metrics != nil {
		config.Observe = a.metrics.ObserveRequest
	}
	if at == a.main {
		config.PublicURL = c.PublicURL
	}
	handler, err := api.NewOperator(o, config)
	if err != nil || c.Control == nil {
		return handler, err
	}
	return c.Control.Gate(handler), nil
}

func (a *App) operatorRequests() operator.Requests {
	return operator.Requests{Server: a.config.Name, Log: a.requests}
}

// newConsole returns the handler of the console for a site.
func (a *App) newConsole(at *site, o *operator.Operator, mails mail.Composer) (http.Handler, error) {
	c := a.config
	config := console.Config{
		Store: c.Store, Operator: o, Requests: a.operatorRequests(), Mails: mails, Policy: c.Policy, Control: c.Control,
		Now: c.Now, LoginNow: c.realNow, Logger: c.Logger, Loopback: !at.exposed(), APIURL: c.PublicURL,
	}
	if at == a.main {
		config.PublicURL = c.PublicURL
	} else {
		config.API = a.main.addr()
	}
	if at.limiter != nil {
		admit := at.limiter.Authenticate(func(context.Context, string, string) (string, error) { return "console", nil })
		config.Admit = func(ctx context.Context) error {
			_, err := admit(ctx, "", "")
			return err
		}
	}
	pages, err := console.New(config)
	if err != nil {
		return nil, err
	}
	a.endStreams = append(a.endStreams, pages.EndStreams)
	return pages, nil
}

// operatorRoutes serves the operator API and the console on their paths, and others on all other paths.
type operatorRoutes struct {
	api, console http.Handler // nil if off
	others       http.Handler
	home         bool // whether the console is at / for programs, too
}

// ServeHTTP passes a request on. At / it sends browsers to the console.
func (o operatorRoutes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case o.api != nil && strings.HasPrefix(path, api.OperatorPath):
		o.api.ServeHTTP(w, r)
	case o.console != nil && (strings.HasPrefix(path, console.Path) || path+"/" == console.Path):
		o.console.ServeHTTP(w, r)
	case o.console != nil && path == "/" && (o.home || strings.Contains(r.Header.Get("Accept"), "text/html")):
		w.Header().Set("Vary", "Accept")
		http.Redirect(w, r, console.Path, http.StatusFound)
	default:
		o.others.ServeHTTP(w, r)
	}
}

// OperatorAddr returns the address that operator API and console listen on: their own or that of the server. It returns nil if
// both are off or nobody listens.
func (a *App) OperatorAddr() net.Addr {
	switch {
	case a.operator != nil:
		return a.operator.addr()
	case (a.config.Operator.Token == "" && !a.config.Operator.Console) || (a.main.exposed() && !a.config.Operator.Share):
		return nil
	}
	return a.main.addr()
}
