// Package signature computes and checks X-Twilio-Signature, which proves to the receiver of a webhook that the sender knows the
// account's auth token.
//
// The signature is base64(HMAC-SHA1(auth token, URL + name and value of each form parameter)), the parameters sorted by
// name in byte order. The URL is the requested one, byte for byte, but without userinfo and fragment, which the receiver cannot
// see: Sign and Valid remove them.
//
// # What it guarantees
//
// Signatures of form-encoded requests are those of Twilio and its official SDKs. Checking a wrong signature takes the same time
// however much of it is right.
//
// # What it does not do
//
// It does not support JSON bodies (bodySHA256), and does not detect replays: a signature contains no time, so that a request
// stays valid for ever. It does not normalize URLs: behind a proxy that changes scheme, host or path, the receiver must pass the
// URL that the sender requested.
package signature

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the algorithm is Twilio's; HMAC-SHA1 is not broken by SHA-1's collisions
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Header is the name of the HTTP header that carries the signature.
const Header = "X-Twilio-Signature"

// Sign returns the signature of a form-encoded POST to rawURL. Every key is signed once, with its first value: never send
// a key twice, because the SDKs disagree on what is signed. A key without a value counts as empty.
func Sign(authToken, rawURL string, form url.Values) string {
	return base64.StdEncoding.EncodeToString(sum(authToken, split(rawURL).String(), form))
}

// Valid reports whether signature is that of a form-encoded POST to rawURL. As in Twilio's SDKs, the signed URL may be rawURL as
// it is, without its port, or with the scheme's default port if it has none, because many proxies hide or add the port. A form
// with a repeated key is never valid: only one of the values could have been signed.
func Valid(authToken, rawURL string, form url.Values, signature string) bool {
	given, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || len(given) != sha1.Size {
		return false
	}
	for _, values := range form {
		if len(values) != 1 {
			return false
		}
	}
	asGiven := split(rawURL)
	otherPort := asGiven
	switch {
	case asGiven.port != "":
		otherPort.port = ""
	case strings.EqualFold(asGiven.scheme, "https://"):
		otherPort.port = ":443"
	default:
		otherPort.port = ":80"
	}
	// Both are always computed, so that the time does not reveal which one matched.
	first := hmac.Equal(sum(authToken, asGiven.String(), form), given)
	second := hmac.Equal(sum(authToken, otherPort.String(), form), given)
	return first || second
}

func sum(authToken, signedURL string, form url.Values) []byte {
	mac := hmac.New(sha1.New, []byte(authToken))
	mac.Write([]byte(signedURL))
	for _, key := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(key))
		mac.Write([]byte(form.Get(key)))
	}
	return mac.Sum(nil)
}

// parts is a URL in pieces that can be joined again without changing it. net/url writes some URLs differently from how they were
// requested.
type parts struct {
	scheme string // with ://
	host   string
	port   string // with its colon
	rest   string // path and query
}

func (p parts) String() string { return p.scheme + p.host + p.port + p.rest }

// split removes userinfo and fragment. A text that is not an absolute URL is all rest.
func split(rawURL string) parts {
	rawURL, _, _ = strings.Cut(rawURL, "#")
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return parts{rest: rawURL}
	}
	p := parts{scheme: scheme + "://", host: rest}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		p.host, p.rest = rest[:end], rest[end:]
	}
	p.host = p.host[strings.LastIndexByte(p.host, '@')+1:]
	// The colons inside the brackets of an IPv6 address are not the port's.
	if colon := strings.LastIndexByte(p.host, ':'); colon > strings.LastIndexByte(p.host, ']') {
		p.host, p.port = p.host[:colon], p.host[colon:]
	}
	return p
}
