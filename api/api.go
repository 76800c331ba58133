// Package api serves the contract: it takes any implementation of the generated server.StrictServerInterface and returns
// an http.Handler that is complete at the edge.
//
// What it guarantees, so that an implementation need not care:
//
//   - The caller is authenticated, and AccountSID(ctx) names the account, before an operation runs.
//   - A request reaches an operation only if it satisfies openapi.yaml; what was validated is what is bound.
//   - Every answer with status 400 or above is the contract's Error in JSON, whatever layer it comes from: the router, the
//     validator, the implementation, a recovered panic. Its message never repeats a parameter's value.
//   - An answer that fails when a part of it has been sent is broken off, so that nobody takes that part for the whole.
//   - Every answer carries a Twilio-Request-Id and the CORS headers, and preflight requests are answered.
//   - A browser is never asked for credentials, which it would remember and send on behalf of other sites. Should it have some
//     nevertheless, other sites' forms and scripts in mode no-cors are refused. Scripts in mode cors are not, as those with
//     remembered credentials cannot be told from honest ones with credentials of their own, which may call from anywhere.
//   - An operation that the implementation does not have (it returns an error that wraps errors.ErrUnsupported, as the methods of
//     server.Unimplemented do) gets status 501.
//   - A body is read up to a limit, an operation's context ends after a while, a panic ends one request only.
//
// It does not store anything, does not limit how often a caller calls, does not speak TLS, and does not set the time-outs
// of the http.Server that it is mounted in.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/gen/server"
)

const healthTimeout = 3 * time.Second

// Config is what New needs besides the implementation. Only Authenticate is required.
type Config struct {
	// Authenticate checks the user name and password of a request's Basic authentication and names the account that may
	// act. It answers ErrUnauthenticated (or an empty account SID) for wrong credentials, which becomes a 401, and any
	// other error where it cannot tell. It must take the same time for a wrong password as for a right one; see
	// crypto/subtle.
	Authenticate func(ctx context.Context, username, password string) (accountSID string, err error)

	// MapError turns an error of the implementation into an answer. It answers nil for an error that it does not know; that
	// becomes a 500 whose cause is logged and not shown. Errors of type *Error need no mapping.
	MapError func(error) *Error

	// Health, where set, is asked by GET /healthz, which answers 200 or, on an error, 503. Its context ends after 3 seconds,
	// for whoever asks gives up soon after.
	Health func(context.Context) error

	// PublicURL is the absolute http(s) URL that the API is reached at, without a path's trailing slash. Empty means: as
	// each request says in its Host header, which is right unless a proxy stands in between; a request whose Host is missing or
	// cannot be part of a URL is then refused.
	PublicURL string

	// TrustedProxies are the addresses of proxies whose X-Forwarded-For header is believed; see ClientAddress. Without them
	// it never is.
	TrustedProxies []netip.Prefix

	// MaxBodyBytes bounds a request's body; 0 means 64 KiB.
	MaxBodyBytes int64

	// Timeout bounds an operation through its context; 0 means 30 seconds.
	Timeout time.Duration

	// Now is the clock, for the durations in the log; nil means time.Now.
	Now func() time.Time

	// Logger gets a line for each request: id, method, route, status, duration, for status 500 and above the cause, and for
	// 401 and 429 the caller's address and, if the user name has its form, account SID. The status is 499 where the caller has
	// gone before it had an answer. Never a token, a parameter or a body. Nil means no log.
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.Authenticate == nil {
		return c, errors.New("api: Config.Authenticate is required")
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return c, errors.New("api: the public URL must be absolute http or https, without query and fragment")
		}
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	if c.MapError == nil {
		c.MapError = func(error) *Error { return nil }
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 64 << 10
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// New returns the handler that serves impl, and beside the contract's operations GET /openapi.yaml, GET /docs (the API
// reference, from which an operation can be tried), for browsers a page at / that leads there and, with Config.Health, GET
// /healthz. It fails on a Config that cannot work.
func New(impl server.StrictServerInterface, config Config) (http.Handler, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	operations, err := loadOperations()
	if err != nil {
		return nil, err
	}

	e := newEdge(operations, config, func(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
		server.RegisterHandlersWithOptions(e, server.NewStrictHandler(impl),
			server.RegisterHandlersOptions{OperationMiddlewares: middlewares})
	})
	registerExtras(e, config)
	if err := registerDocs(e); err != nil {
		return nil, err
	}
	return decodedPath(e), nil
}

// newEdge serves the operations of a contract. It gives register what must happen before each of them, by the operation's id.
func newEdge(
	operations []*operation, config Config, register func(*echo.Echo, map[string][]echo.MiddlewareFunc),
) *echo.Echo {
	e := echo.New()
	e.IPExtractor = ipExtractor(config.TrustedProxies) // the default believes headers that a caller may set
	e.HTTPErrorHandler = errorWriter{config}.write
	e.Use(observe(config))

	middlewares := make(map[string][]echo.MiddlewareFunc, len(operations))
	for _, op := range operations {
		steps := []step{allowMethods(op.methods)}
		if !isSafe(op.route.Method) {
			steps = append(steps, refuseForged)
		}
		if op.authenticated {
			steps = append(steps, authenticate(config))
		}
		middlewares[op.id] = []echo.MiddlewareFunc{inOrder(append(steps, op.readBody(config.MaxBodyBytes), op.validate))}
		e.OPTIONS(op.echoPath(), preflight, inOrder([]step{allowMethods(op.methods)}))
	}
	register(e, middlewares)
	return e
}

const healthPath = "/healthz"

// registerExtras adds what is not part of the contract.
func registerExtras(e *echo.Echo, config Config) {
	contract := []byte(trusthub.Contract())
	get(e, "/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml", contract)
	})
	if config.Health == nil {
		return
	}
	get(e, healthPath, func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), healthTimeout)
		defer cancel()
		if err := config.Health(ctx); err != nil {
			return NewError(CodeUnavailable, "", err)
		}
		return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
	})
}

// get serves GET, and HEAD, of which net/http drops the body.
func get(e *echo.Echo, path string, handler echo.HandlerFunc) {
	e.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
}

// decodedPath lets the router see the decoded path alone. It would prefer the escaped one, and a SID with an escaped letter
// (%42U…) would then be an invalid one to the validator.
func decodedPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawPath = ""
		next.ServeHTTP(w, r)
	})
}
