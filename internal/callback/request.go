package callback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/opentrusthub/trusthub/internal/signature"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const userAgent = "TwilioProxy/1.1" // as receivers of Twilio's callbacks see it

// Why a URL cannot be requested.
var (
	errMalformed = errors.New("it is malformed")
	errScheme    = errors.New("it is neither http nor https")
	errHost      = errors.New("it names no valid host")
	errZone      = errors.New("its address has a zone, which would choose one of this server's interfaces")
	errPort      = errors.New("its port is not between 1 and 65535")
)

// newRequest returns the signed request for a notice. Its errors never quote the URL.
func newRequest(ctx context.Context, n trust.Notice, authToken string) (*http.Request, error) {
	target, user, err := parseTarget(n.Target)
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"AccountSid": {n.AccountSID},
		"BundleSid":  {n.ProductSID}, // Twilio's name for it, whatever the kind of bundle
		"Status":     {string(n.Status)},
	}
	if reason := n.FailureReason(); reason != "" {
		form.Set("FailureReason", reason)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errMalformed
	}
	if user.String() != "" {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("I-Twilio-Idempotency-Token", n.ID)
	request.Header.Set(signature.Header, signature.Sign(authToken, target, form))
	return request, nil
}

// parseTarget returns the URL exactly as the receiver will see it in the request line and the Host header, because that
// is what it checks the signature with: no fragment, no userinfo (returned beside it), Unicode encoded.
func parseTarget(rawURL string) (string, *url.Userinfo, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return "", nil, errMalformed
	case u.Scheme != "http" && u.Scheme != "https":
		return "", nil, errScheme
	case u.Hostname() == "":
		return "", nil, errHost // the dialer would take an empty host for this machine
	case strings.Contains(u.Host, "%"):
		return "", nil, errZone
	}
	host, err := asciiHost(u)
	if err != nil {
		return "", nil, err
	}
	seen := url.URL{
		Scheme: u.Scheme, Host: host,
		Path: u.Path, RawPath: u.RawPath, RawQuery: printable(u.RawQuery), ForceQuery: u.ForceQuery,
	}
	return seen.Scheme + "://" + seen.Host + seen.RequestURI(), u.User, nil
}

// asciiHost returns host and port with a Unicode name as the one that DNS is asked for. net/http would dial that, but
// put another form of it into the Host header.
func asciiHost(u *url.URL) (string, error) {
	port := u.Port()
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
		return "", errPort
	}
	host := strings.TrimSuffix(u.Host, ":") // net/http does the same: a port that is not there needs no colon
	name := u.Hostname()
	ascii, err := idna.Lookup.ToASCII(name)
	switch {
	case strings.HasPrefix(host, "[") || printable(name) == name:
		return host, nil // no Unicode: names that IDNA would not have, with an underscore for instance, are in use
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
