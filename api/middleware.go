package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/panics"
)

const (
	requestIDHeader  = "Twilio-Request-Id"          // the id of the request, with which it can be found in the log
	concurrentHeader = "Twilio-Concurrent-Requests" // how many requests of the account run, if Config.Admit counts them
)

// step is one of the things that happen to a request before its operation. An error ends the request.
type step func(c echo.Context) error

// inOrder makes one middleware of the steps. Echo rebuilds the chain of middlewares for each request, so fewer are faster.
func inOrder(steps []step) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for _, step := range steps {
				if err := step(c); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// observe gives the request its id, its context, the CORS headers if they are wanted, and its line in the log, and reports it to
// Config.Observe. It comes first, so that it sees every response. It writes errors, so that the line has their status.
func observe(served contract, config Config) echo.MiddlewareFunc {
	operations := byRoute(served.operations)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := config.Now()
			op := operations[routeKey{c.Request().Method, c.Path()}]
			ctx, cancel := op.limit(c.Request().Context(), config.Timeout)
			defer cancel()
			base, err := baseURL(config.PublicURL, c.Request())
			info := &request{Context: ctx, id: newRequestID(), client: clientAddress(c), baseURL: base}
			info.traceParent = readTraceParent(c.Request().Header)
			addHeaders(c.Response().Header(), info.id, served.cors)
			c.SetRequest(c.Request().WithContext(info))
			defer release(c)
			closeUnlessRead(c)

			if err == nil || isProbe(c.Path()) { // a probe may send no Host
				err = recovered(next, c)
			}
			broken := err != nil && c.Response().Committed
			var answer gen.Error
			if err != nil {
				answer = errorWriter{config, served.auth.challenge}.write(err, c)
			}
			stopReading(c)
			duration, status := config.Now().Sub(start), finalStatus(c, err)
			logRequest(config.Logger, c, info, status, duration, err)
			if config.Observe != nil {
				observed := op.describe(c, status, answer)
				observed.Duration, observed.Broken = duration, broken
				config.Observe(observed)
			}
			if broken {
				panic(http.ErrAbortHandler) // drops the connection: otherwise the caller would take a part for the whole
			}
			return nil
		}
	}
}

// logRequest logs a request, with the cause if the status is 500 or above or the response was broken off. It never logs the path
// (which may contain anything), a header, a parameter or a body.
func logRequest(log *slog.Logger, c echo.Context, info *request, status int, duration time.Duration, err error) {
	ctx, level := c.Request().Context(), slog.LevelInfo
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("request_id", info.id),
		slog.String("method", c.Request().Method),
		slog.String("route", c.Path()),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(duration.Microseconds())/1000))
	if info.traceParent != "" {
		attrs = append(attrs, slog.String("traceparent", info.traceParent))
	}
	switch {
	case err == nil:
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", err.Error()))
	case status < http.StatusBadRequest: // it was broken off, mostly because the caller closed the connection
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	attrs = append(attrs, refusedCaller(info, c.Request(), status)...)
	log.LogAttrs(ctx, level, "request", attrs...)
}

func newRequestID() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	id := [2 + 2*len(random)]byte{'R', 'Q'}
	hex.Encode(id[2:], random[:])
	return string(id[:])
}

// recovered calls the handler and turns a panic into an error whose cause has the stack.
func recovered(handler echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if aborted, ok := v.(error); ok && errors.Is(aborted, http.ErrAbortHandler) {
			panic(v) // net/http's way to drop the connection
		}
		err = NewError(CodeInternal, "", panics.Error(v))
	}()
	return handler(c)
}

// authenticate requires valid credentials, and that Config.Admit admits the request. It comes before the body is read.
func authenticate(auth authScheme, config Config) step {
	return func(c echo.Context) error {
		username, password, ok := auth.credentials(c.Request())
		if !ok {
			return NewError(CodeUnauthenticated, "", nil)
		}
		ctx := c.Request().Context()
		accountSID, err := config.Authenticate(ctx, username, password)
		switch {
		case errors.Is(err, ErrUnauthenticated) || (err == nil && accountSID == ""):
			return NewError(CodeUnauthenticated, "", err)
		case err != nil:
			return err
		}
		known := *fromContext(ctx)
		known.accountSID = accountSID
		c.SetRequest(c.Request().WithContext(&known))
		return admit(c, &known, config)
	}
}

// admit asks Config.Admit for a request with valid credentials.
func admit(c echo.Context, known *request, config Config) error {
	if config.Admit == nil {
		return nil
	}
	running, release, err := config.Admit(known.accountSID)
	known.release = release
	c.Response().Header().Set(concurrentHeader, strconv.Itoa(running))
	return err
}

// release ends what admit has begun, if it has. The response ends after that, so a caller who has read it can send the next
// request at once.
func release(c echo.Context) {
	if known := fromContext(c.Request().Context()); known.release != nil {
		known.release()
	}
}

// addHeaders adds the headers of every response: the request's id, and if cors is true those that let scripts of any origin call
// and read the responses, including errors, with credentials of their own. A browser must not add cached ones: with "true",
// browsers refuse "*", and a named origin would let every web page act for the user.
func addHeaders(header http.Header, id string, cors bool) {
	if !cors {
		header.Set(requestIDHeader, id)
		return
	}
	values := [...]string{
		id, "*", "Authorization, Content-Type, Idempotency-Key, " + traceHeader,
		"false", requestIDHeader + ", Retry-After, " + concurrentHeader,
	}
	for i, name := range [...]string{
		requestIDHeader, "Access-Control-Allow-Origin", "Access-Control-Allow-Headers",
		"Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
	} {
		header[name] = values[i : i+1 : i+1] // one allocation for all; with the capacity of one, an append copies
	}
}

// allowMethods adds the CORS header that depends on the path.
func allowMethods(methods string) step {
	return func(c echo.Context) error {
		c.Response().Header().Set("Access-Control-Allow-Methods", methods)
		return nil
	}
}

// preflight answers a browser that asks, without credentials, whether a script may call.
func preflight(c echo.Context) error {
	c.Response().Header().Set("Access-Control-Max-Age", "7200") // seconds; browsers cap it at about this
	return c.NoContent(http.StatusNoContent)
}
