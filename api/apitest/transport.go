package apitest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// transport sends requests for the real service to the server, and no request off this machine.
type transport struct {
	server *url.URL
	base   *http.Transport
}

func newTransport(serverURL string) *transport {
	server, err := url.Parse(serverURL)
	if err != nil {
		panic(err) // net/http/httptest made it
	}
	// No proxy: the environment's proxy is not on this machine.
	return &transport{server: server, base: &http.Transport{MaxIdleConnsPerHost: 64}}
}

func (t *transport) close() { t.base.CloseIdleConnections() }

// RoundTrip sends r.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	switch {
	case isTrustHub(host):
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = t.server.Scheme, t.server.Host, ""
	case !isLoopback(host):
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must
		}
		return nil, fmt.Errorf("apitest: a request for %s would leave this machine", host)
	}
	return t.base.RoundTrip(r)
}

// isTrustHub reports whether a host is the real service's, with or without edge and region.
func isTrustHub(host string) bool {
	return strings.HasPrefix(host, "trusthub.") && strings.HasSuffix(host, ".twilio.com")
}

// Transport returns a RoundTripper that sends requests for https://trusthub.twilio.com (in any edge and region) to the server.
// Requests for loopback addresses pass unchanged; all others fail. It adds no credentials.
func (s *Server) Transport() http.RoundTripper { return s.transport }

// Client returns an HTTP client with that transport, for the official SDK and for whatever else takes one.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.transport} }
