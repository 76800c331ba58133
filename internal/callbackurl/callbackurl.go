// Package callbackurl validates callback URLs and returns how to request them. The API validates a StatusCallback with it and the
// sender requests what it returns, so that no URL is stored that the sender would refuse.
//
// # What it guarantees
//
// A URL that Parse accepts can be requested with net/http, and its host is short enough for the index of the database. Errors
// say what a URL must be and never contain it.
//
// # What it does not do
//
// It makes no lookups: whether the host exists, and may be called (internal/callback), is checked when it is called.
package callbackurl

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxHost is the length of the longest DNS name. Callbacks are indexed by host, and Postgres limits the size of an index row.
const maxHost = 253

// Each completes a sentence that begins with the URL, or with the name of the parameter that holds it.
var (
	errNotAbsolute = errors.New("must be an absolute http or https URL")
	errHost        = errors.New("must name a valid host")
	errHostLength  = fmt.Errorf("must name a host of at most %d bytes", maxHost)
	errZone        = errors.New("must not name a zone of this server's network") // it would select one of its interfaces
	errPort        = errors.New("must have a port between 1 and 65535, or none")
	errSpace       = errors.New("must not contain spaces or control characters")
)

// URL is a valid callback URL.
type URL struct {
	// Requested is exactly what the receiver sees in the request line and the Host header, because that is what it checks
	// the signature with: without fragment and userinfo, and with all Unicode encoded.
	Requested string
	User      *url.Userinfo // for Basic authentication; nil if the URL has none
	// Endpoint is the scheme, host and port that are called, in the one form that all spellings of them share: lower case, as DNS
	// is asked, without a trailing dot, and always with the port.
	Endpoint string
}

// Parse returns how to request rawURL, or an error that says what it must be. A URL without a host is refused because a dialer
// would connect to this machine.
func Parse(rawURL string) (URL, error) {
	if strings.ContainsFunc(rawURL, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return URL{}, errSpace
	}
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return URL{}, errNotAbsolute
	}
	host, err := asciiHost(u)
	if err != nil {
		return URL{}, err
	}
	requested := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: printable(u.RawQuery), ForceQuery: u.ForceQuery}
	return URL{Requested: u.Scheme + "://" + host + requested.RequestURI(), User: u.User, Endpoint: endpoint(u.Scheme, host)}, nil
}

// endpoint returns the form that all spellings of a host, as asciiHost returns it, have in common.
func endpoint(scheme, host string) string {
	u := url.URL{Host: host}
	name, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), strings.TrimLeft(u.Port(), "0")
	if address, err := netip.ParseAddr(name); err == nil {
		name = address.Unmap().String()
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(name, port)
}

// asciiHost returns host and port with a Unicode name as the one that DNS is asked for. net/http would dial that, but put
// another form of it into the Host header.
func asciiHost(u *url.URL) (string, error) {
	name, port := u.Hostname(), u.Port()
	number, err := strconv.ParseUint(port, 10, 16)
	switch {
	case strings.Contains(u.Host, "%"):
		return "", errZone
	case port != "" && (err != nil || number == 0 || len(port) > len("65535")):
		return "", errPort
	case len(name) > maxHost:
		return "", errHostLength
	case !utf8.ValidString(name): // percent-encoding gets it past the check of the parameter
		return "", errHost
	}
	host := strings.TrimSuffix(u.Host, ":") // net/http does the same: a port that is not there needs no colon
	if strings.HasPrefix(host, "[") || printable(name) == name {
		return host, nil // no Unicode: names that IDNA would refuse, with an underscore for instance, are in use
	}
	ascii, err := idna.Lookup.ToASCII(name)
	switch {
	case err != nil || ascii == "":
		return "", errHost
	case port != "":
		return ascii + ":" + port, nil
	}
	return ascii, nil
}

// printable encodes what cannot stand in a request line, which net/http sends in a query as it is.
func printable(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
