package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// request is the context of a request, with what this package knows of it. It does not change after authenticate.
type request struct {
	context.Context
	id      string
	client  netip.Addr
	baseURL string

	traceParent string // valid, or empty
	accountSID  string // empty until authenticate sets it
	release     func() // of Config.Admit, set by authenticate; nil if there is nothing to release
}

type requestKey struct{}

// Value returns the request itself for requestKey.
func (r *request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.Context.Value(key)
}

func fromContext(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{Context: ctx}
}

// AccountSID returns the account that Config.Authenticate returned for the request. It is empty outside an operation.
func AccountSID(ctx context.Context) string { return fromContext(ctx).accountSID }

// BaseURL returns the start of the absolute URLs in a response, for example "http://127.0.0.1:8080": Config.PublicURL or, if that
// is empty, the scheme and host of the request. It has no trailing slash, and is empty outside an operation.
func BaseURL(ctx context.Context) string { return fromContext(ctx).baseURL }

// RequestID returns the request's Twilio-Request-Id, "RQ" and 32 hex digits. It is empty outside an operation.
func RequestID(ctx context.Context) string { return fromContext(ctx).id }

var errHost = NewError(CodeInvalidParameter, "The Host header must name a host, with or without a port", nil)

// baseURL returns the BaseURL of a request, or an error if its host cannot be part of a URL.
func baseURL(publicURL string, r *http.Request) (string, error) {
	if publicURL != "" {
		return publicURL, nil
	}
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Host != r.Host { // if they differ, there is more in it than host and port
		return "", errHost
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", errHost
		}
	}
	return base, nil
}
