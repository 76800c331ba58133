package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// RequestInfo describes a request whose response has been written, for Config.Observe.
//
// Method, Path, Query, Form and IdempotencyKey are what the caller sent. They may be long, and keeping a part of one can keep the
// whole request in memory: who stores them must shorten and clone them. Query and Form belong to the request and must not be
// changed. Other headers, parameters that are not in the contract, and causes of errors are not included.
type RequestInfo struct {
	ID     string // the Twilio-Request-Id
	Client netip.Addr
	Method string
	Path   string
	// Route is the pattern of the path in the syntax of the log, such as "/v1/TrustProducts/:Sid". The server has few routes,
	// whatever is requested; that of an unknown path is empty.
	Route string
	// Operation is the id of the operation in the contract, such as "CreateTrustProduct". It is empty for what is not in the
	// contract.
	Operation string
	// AccountSID is the account that Config.Authenticate returned, empty if the request got no further.
	AccountSID string
	// ClaimedAccountSID is the user name of a request without AccountSID, if it has the form of an account SID. Anybody can send
	// any.
	ClaimedAccountSID string
	// ClaimedAPIKeySID is the same for the form of the SID of an API key.
	ClaimedAPIKeySID string
	IdempotencyKey   string
	// Query and Form have the parameters that the contract declares. Both are empty if the request was refused before they were
	// parsed, as with wrong credentials, or because they cannot be parsed.
	Query, Form url.Values
	// Status is that of the response, or 499 if the caller closed the connection before.
	Status int
	// Broken reports whether the response was broken off after its header had been sent.
	Broken bool
	// Code and Message are those of the response if its status is 400 or above, otherwise zero.
	Code     Code
	Message  string
	Duration time.Duration
}

// routeKey identifies an operation by what the router finds.
type routeKey struct{ method, path string }

// byRoute returns the operations by what the router finds.
func byRoute(operations []*operation) map[routeKey]*operation {
	all := make(map[routeKey]*operation, len(operations))
	for _, op := range operations {
		all[routeKey{op.route.Method, op.echoPath()}] = op
	}
	return all
}

// limit returns the context of a request, with the timeout of operations unless it is for a stream. op is nil for what is not in
// the contract.
func (op *operation) limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if op != nil && op.streams {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// describe returns all but Duration and Broken of a request that got a status, with the answer if that is an error. op is nil for
// what is not in the contract.
func (op *operation) describe(c echo.Context, status int, answer gen.Error) RequestInfo {
	r := c.Request()
	known := fromContext(r.Context())
	info := RequestInfo{
		ID: known.id, Client: known.client, Method: r.Method, Path: r.URL.Path, Route: c.Path(),
		AccountSID: known.accountSID, IdempotencyKey: r.Header.Get("Idempotency-Key"), Form: r.PostForm,
		Status: status, Code: Code(answer.Code), Message: answer.Message,
	}
	if known.accountSID == "" {
		info.ClaimedAccountSID, info.ClaimedAPIKeySID = claimedSID(r)
	}
	if op != nil {
		info.Operation, info.Query = op.id, op.declaredQuery(r.URL.RawQuery)
	}
	return info
}

// declaredQuery returns the query parameters that the contract declares, or nil if they cannot be parsed.
func (op *operation) declaredQuery(raw string) url.Values {
	if raw == "" {
		return nil
	}
	query, err := parsePairs(raw, func(name string) bool { return slices.Contains(op.queryParams, name) })
	if err != nil {
		return nil
	}
	return query
}

// statusClientClosed is reported if the caller closed the connection before the response. Nginx introduced it.
const statusClientClosed = 499

// finalStatus returns the status of a request that ended with err or nil.
func finalStatus(c echo.Context, err error) int {
	if errors.Is(err, context.Canceled) && errors.Is(c.Request().Context().Err(), context.Canceled) {
		return statusClientClosed
	}
	return c.Response().Status
}

// claimedSID returns the user name of a request only if it is the SID of an account or an API key: any other text could be a
// password in the wrong place.
func claimedSID(r *http.Request) (account, apiKey string) {
	username, _, _ := r.BasicAuth()
	switch {
	case trust.ValidAccountSID(username):
		return username, ""
	case trust.ValidAPIKeySID(username):
		return "", username
	}
	return "", ""
}
