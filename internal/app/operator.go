package app

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
)

// Operator configures the operator API.
type Operator struct {
	// Token is what operators authenticate with. Empty means that the API is off.
	Token string
	// Listen is an address of its own to listen on, host:port. If it is empty, the API shares Config.Listen if that is on
	// loopback or Share is set, and is off otherwise. Without Config.Listen it is part of App.Handler.
	Listen string
	Share  bool
}

// buildOperator makes what answers the requests of operators, and has it listen if it has an address of its own.
func (a *App) buildOperator(ctx context.Context) error {
	c := a.config
	switch {
	case c.Operator.Token == "":
		return nil
	case c.Operator.Listen == "" && !c.Operator.Share && a.main.exposed():
		c.Logger.Warn("the operator API is off: it has no address of its own, and the server does not listen on loopback")
		return nil
	}
	limiter := a.main.limiter
	if c.Operator.Listen != "" {
		limiter = c.newLimiter()
	}
	authenticate := api.OperatorToken(c.Operator.Token)
	if limiter != nil {
		authenticate = limiter.Authenticate(authenticate)
	}
	config := api.Config{
		Authenticate: authenticate, MapError: operator.MapError, TrustedProxies: c.TrustedProxies, Logger: c.Logger,
		TestMode: c.Control != nil,
	}
	if c.Operator.Listen == "" {
		config.PublicURL = c.PublicURL
	}
	mails, err := mail.NewComposer(c.MailFrom)
	if err != nil {
		return err
	}
	requests := operator.Requests{Server: c.Name, Log: a.requests}
	o := operator.New(c.Store, requests, mails, c.Policy, c.Now, c.Control)
	handler, err := api.NewOperator(o, config)
	if err != nil {
		return err
	}
	a.endStreams = o.EndStreams
	if c.Control != nil {
		handler = c.Control.Gate(handler)
	}
	if c.Operator.Listen == "" {
		a.main.handler, a.main.onShutdown = split(a.main.handler, handler), a.endStreams
		return nil
	}
	a.operator = &site{handler: handler, limiter: limiter, onShutdown: a.endStreams}
	return a.operator.listen(ctx, c.Operator.Listen)
}

// split serves the operator API on its paths, and customers on all others.
func split(customers, operators http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, api.OperatorPath) {
			operators.ServeHTTP(w, r)
			return
		}
		customers.ServeHTTP(w, r)
	})
}

// OperatorAddr returns the address that the operator API listens on: its own or that of the server. It returns nil if the API is
// off or nobody listens.
func (a *App) OperatorAddr() net.Addr {
	switch {
	case a.operator != nil:
		return a.operator.addr()
	case a.config.Operator.Token == "" || (a.main.exposed() && !a.config.Operator.Share):
		return nil
	}
	return a.main.addr()
}
