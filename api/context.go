package api

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// request is the context of a request, with what this package knows of it. It does not change: authenticate replaces it.
type request struct {
	context.Context
	id      string
	client  netip.Addr
	baseURL string

	traceParent string // valid, or empty
	accountSID  string // empty before authentication
	release     func() // of Config.Admit; nil if there is nothing to release
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
	if !isPlainHost(r.Host) && !isHost(base, r.Host) {
		return "", errHost
	}
	return base, nil
}

// isHost reports whether a URL, which ends with the host, has just this host, with or without a port.
func isHost(base, host string) bool {
	u, err := url.Parse(base)
	return err == nil && u.Hostname() != "" && u.Host == host && (u.Port() == "" || isPort(u.Port()))
}

// isPlainHost reports whether a host is a name or an IPv4 address, with or without a port: isHost without parsing, for most.
func isPlainHost(host string) bool {
	name, port, withPort := strings.Cut(host, ":")
	if name == "" || (withPort && !isPort(port)) {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}
