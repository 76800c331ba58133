package api

import (
	"context"
	"net/http"
)

// request is the context of a request, and what the layer knows of it.
type request struct {
	context.Context
	id         string
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

func baseURL(publicURL string, r *http.Request) string {
	switch {
	case publicURL != "":
		return publicURL
	case r.TLS != nil:
		return "https://" + r.Host
	default:
		return "http://" + r.Host
	}
}
