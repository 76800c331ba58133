package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// request is the context of a request, and what the layer knows of it.
type request struct {
	context.Context
	id         string
	client     netip.Addr
	username   string // that it came with, unchecked
	accountSID string
	baseURL    string
}

// Value answers the request itself to fromContext.
func (r *request) Value(key any) any {
	if key == (contextKey{}) {
		return r
	}
	return r.Context.Value(key)
}

type contextKey struct{}

func fromContext(ctx context.Context) *request {
	if r, ok := ctx.Value(contextKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// AccountSID names the account that Config.Authenticate answered for the request. It is empty outside an operation.
func AccountSID(ctx context.Context) string { return fromContext(ctx).accountSID }

// BaseURL is what the absolute URLs in an answer start with, for example "http://127.0.0.1:8080": Config.PublicURL, else the
// scheme and host of the request. It has no trailing slash, and is empty outside an operation.
func BaseURL(ctx context.Context) string { return fromContext(ctx).baseURL }

// RequestID is the request's Twilio-Request-Id, "RQ" and 32 hex digits. It is empty outside an operation.
func RequestID(ctx context.Context) string { return fromContext(ctx).id }

var errHost = NewError(CodeInvalidParameter, "The Host header must name a host, with or without a port", nil)

// baseURL is what BaseURL returns for a request. It fails where the request names no host that a URL can have.
func baseURL(publicURL string, r *http.Request) (string, error) {
	if publicURL != "" {
		return publicURL, nil
	}
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.Host != r.Host { // else there is more in it than host and port
		return "", errHost
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil && u.Port() != "" {
		return "", errHost
	}
	return base, nil
}
