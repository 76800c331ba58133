// Package api serves the contracts: it mounts any implementation of the generated server.StrictServerInterface as an
// http.Handler that authenticates, validates and logs requests, and writes every error. New does so for customers (openapi.yaml:
// forms, Basic authentication), NewOperator for operators (api/operator/openapi.yaml: JSON, a bearer token).
//
// It guarantees, so that an implementation need not care:
//
//   - The caller is authenticated, and AccountSID(ctx) names the account, before an operation runs.
//   - A request reaches an operation only if it is valid by the contract, and the operation gets the values that were validated.
//   - Every response with status 400 or above is the contract's Error in JSON, whether it comes from the router, the validator,
//     the implementation or a recovered panic. Its message never repeats a parameter's value.
//   - If writing a response fails halfway, the connection is dropped, so that nobody takes the first half for the whole.
//   - Every response has a Twilio-Request-Id and, for customers, the CORS headers. Their preflight requests are answered.
//   - A browser is never asked for credentials, because it would remember them and send them on behalf of other sites. If it has
//     some anyway, forms and no-cors scripts of other sites are refused. Scripts in cors mode are not: those with remembered
//     credentials look like those with credentials of their own, which may call from anywhere.
//   - An operation that the implementation does not have (it returns an error that wraps server.ErrUnimplemented, as the methods
//     of server.Unimplemented do) gets status 501.
//   - A body is read up to a limit, an operation's context has a timeout, and a panic ends one request only.
//
// It stores nothing, does not limit how often a caller calls unless Config.Admit does, does not speak TLS, and does not set the
// timeouts of the http.Server that it is mounted in.
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

// Config configures New and NewOperator. Only Authenticate is required.
type Config struct {
	// Authenticate checks the user name and password of a request's Basic authentication and returns the SID of their account.
	// For wrong credentials it returns ErrUnauthenticated (or an empty SID), which becomes a 401; any other error means that it
	// could not check. It must take the same time for a wrong password as for a right one; see crypto/subtle. For NewOperator,
	// the user name is empty and the password is the bearer token; OperatorToken returns what checks it.
	Authenticate func(ctx context.Context, username, password string) (accountSID string, err error)

	// Admit, if set, is called for each request with valid credentials, before its body is read. An error, which should be an
	// *Error, refuses the request. running is how many requests of the account are being answered, including this one if it is
	// not refused; the response has it as Twilio-Concurrent-Requests. release, if there is one, is called when the response has
	// been written.
	Admit func(accountSID string) (running int, release func(), err error)

	// MapError turns an error of the implementation into a response. It returns nil for an unknown error, which becomes a 500
	// whose cause is logged and not shown. Errors of type *Error need no mapping.
	MapError func(error) *Error

	// Health, if set, is called by GET /healthz, which returns 200 or, on an error, 503. Its context ends after 3 seconds,
	// because most probes do not wait longer.
	Health func(context.Context) error

	// PublicURL is the absolute http or https URL of the API. If it is empty, each request's Host header is used, which is right
	// unless there is a proxy in between; a request without a Host that can be part of a URL is then refused.
	PublicURL string

	// TrustedProxies are the addresses of proxies whose X-Forwarded-For header is believed; see ClientAddress. The header of
	// nobody else is.
	TrustedProxies []netip.Prefix

	// MaxBodyBytes bounds a request's body; 0 means 64 KiB.
	MaxBodyBytes int64

	// Timeout bounds an operation through its context; 0 means 30 seconds. It does not apply to streams.
	Timeout time.Duration

	// Now is the clock for the durations in the log; nil means time.Now.
	Now func() time.Time

	// Logger gets a line for each request: id, method, route, status and duration; the cause for status 500 and above; and for
	// 401 and 429 the caller's address and, if the user name is an account SID, that. The status is 499 if the caller closed the
	// connection before the response. A token, parameter or body is never logged. Nil means no log.
	Logger *slog.Logger

	// TestMode is whether NewOperator serves the operations below OperatorTestPath. Otherwise they are unknown: 404.
	TestMode bool

	// Observe, if set, is called once for each request when its response has been written, also for requests outside of the
	// contract. Only a request whose operation panics with http.ErrAbortHandler is neither observed nor logged. It is called
	// concurrently, and a part of the response waits for it.
	Observe func(RequestInfo)
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

// New returns the handler that serves impl. Besides the contract's operations it serves GET /openapi.yaml, GET /docs (the API
// reference, with which operations can be tried), a page for browsers at / that links to it, GET /livez, which returns 200 while
// the process runs, and, with Config.Health, GET /healthz. It returns an error for an invalid Config.
func New(impl server.StrictServerInterface, config Config) (http.Handler, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	operations, err := loadOperations()
	if err != nil {
		return nil, err
	}

	e := newEdge(contract{operations, basicAuth, true}, config, func(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc) {
		server.RegisterHandlersWithOptions(e, server.NewStrictHandler(impl),
			server.RegisterHandlersOptions{OperationMiddlewares: middlewares})
	})
	registerContract(e, "/openapi.yaml", trusthub.Contract())
	registerProbes(e, config)
	if err := errors.Join(registerDocs(e, "/"), registerHome(e)); err != nil {
		return nil, err
	}
	return decodedPath(e), nil
}

// contract is what distinguishes the contracts that are served.
type contract struct {
	operations []*operation
	auth       authScheme
	cors       bool // whether scripts of other origins may call
}

// newEdge serves the operations of a contract. It passes to register what must happen before each operation, by its id.
func newEdge(served contract, config Config, register func(*echo.Echo, map[string][]echo.MiddlewareFunc)) *echo.Echo {
	e := echo.New()
	e.IPExtractor = ipExtractor(config.TrustedProxies) // the default believes headers that a caller may set
	e.Use(observe(served, config))

	middlewares := make(map[string][]echo.MiddlewareFunc, len(served.operations))
	for _, op := range served.operations {
		var steps []step
		if served.cors {
			steps = append(steps, allowMethods(op.methods))
			e.OPTIONS(op.echoPath(), preflight, inOrder([]step{allowMethods(op.methods)}))
		}
		if !isSafe(op.route.Method) {
			steps = append(steps, refuseForged)
		}
		if op.authenticated {
			steps = append(steps, authenticate(served.auth, config))
		}
		if !config.TestMode && strings.HasPrefix(op.route.Path, OperatorTestPath) {
			steps = append(steps, onlyInTestMode)
		}
		middlewares[op.id] = []echo.MiddlewareFunc{inOrder(append(steps, op.readBody(config.MaxBodyBytes), op.validate))}
	}
	register(e, middlewares)
	return e
}

// registerContract serves the text of a contract.
func registerContract(e *echo.Echo, path, text string) {
	blob := []byte(text)
	get(e, path, func(c echo.Context) error { return c.Blob(http.StatusOK, "application/yaml", blob) })
}

const (
	healthPath = "/healthz" // whether requests can succeed
	livePath   = "/livez"   // whether the process runs: restarting it would not bring back a database
)

func isProbe(path string) bool { return path == healthPath || path == livePath }

func registerProbes(e *echo.Echo, config Config) {
	get(e, livePath, healthy)
	if config.Health == nil {
		return
	}
	get(e, healthPath, func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), healthTimeout)
		defer cancel()
		if err := config.Health(ctx); err != nil {
			return NewError(CodeUnavailable, "", err)
		}
		return healthy(c)
	})
}

func healthy(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// get serves GET and HEAD. net/http drops the body of the response to HEAD.
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
