package client

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/opentrusthub/trusthub/internal/signature"
)

// maxCallbackBytes bounds what is read of a callback, which takes a few hundred bytes.
const maxCallbackBytes = 64 << 10

// Callback tells that a Trust Product's status has changed. The fields are those that Twilio documents for number bundles;
// for Trust Products it publishes none (docs/fidelity.md).
type Callback struct {
	AccountSID       string             // the account that the Trust Product belongs to
	TrustProductSID  string             // the Trust Product, BundleSid in the form
	Status           TrustProductStatus // what it has become, maybe one that this version does not know
	FailureReason    string             // why it was rejected, for people to read; else empty
	IdempotencyToken string             // the same when this change is told again, which happens; may be empty and is not signed
}

// CallbackOption sets something for one call of ParseCallback.
type CallbackOption func(*callbackSettings)

type callbackSettings struct{ publicURL string }

// WithPublicURL is for a receiver behind a proxy: it names what the service calls, for example https://acme.example, and the
// request's path and query follow it. A path of its own is what the proxy takes off. Without it the URL is made of
// r.TLS and r.Host; X-Forwarded-Proto and the like are never believed, because anybody can send them.
func WithPublicURL(base string) CallbackOption {
	return func(s *callbackSettings) { s.publicURL = base }
}

// ParseCallback checks that r comes from somebody who knows the account's auth token, and reads it. The port decides nothing:
// the signature may have been made with it or without (as in Twilio's SDKs). The URL that was asked for is taken from
// r.RequestURI, so that http.StripPrefix does no harm. At most 64 KiB of the body are read; a form that somebody has parsed
// before is used.
//
// The error is ErrSignature where the signature is missing or wrong: answer 403. Any other means that r is no callback, or
// that the auth token or the public URL is none: answer 400. The signature has no time in it: a request that was seen once can
// be repeated by whoever saw it. Remember the IdempotencyToken, or fetch the product to be sure.
func ParseCallback(r *http.Request, authToken string, options ...CallbackOption) (*Callback, error) {
	var s callbackSettings
	for _, option := range options {
		option(&s)
	}
	if authToken == "" {
		return nil, errors.New("client: the auth token is empty, with which anybody could sign")
	}
	called, err := s.calledURL(r)
	if err != nil {
		return nil, err
	}
	form, err := callbackForm(r)
	if err != nil {
		return nil, err
	}
	if !signature.Valid(authToken, called, form, r.Header.Get(signature.Header)) {
		return nil, ErrSignature
	}
	callback := &Callback{
		AccountSID:       form.Get("AccountSid"),
		TrustProductSID:  form.Get("BundleSid"),
		Status:           TrustProductStatus(form.Get("Status")),
		FailureReason:    form.Get("FailureReason"),
		IdempotencyToken: r.Header.Get("I-Twilio-Idempotency-Token"),
	}
	if callback.TrustProductSID == "" || callback.Status == "" {
		return nil, errors.New("client: the callback is signed but lacks BundleSid or Status")
	}
	return callback, nil
}

// calledURL is the URL as the caller wrote it, apart from what the proxy in front has changed and the public URL restores.
func (s callbackSettings) calledURL(r *http.Request) (string, error) {
	target := r.RequestURI // as it was sent, byte for byte
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI()
	}
	if s.publicURL != "" {
		base, err := url.Parse(s.publicURL)
		if err != nil || !absolute(base) || strings.ContainsAny(s.publicURL, "?#") {
			return "", errors.New("client: the public URL must be absolute http or https, without query and fragment")
		}
		return strings.TrimRight(s.publicURL, "/") + target, nil
	}
	if r.TLS != nil {
		return "https://" + r.Host + target, nil
	}
	return "http://" + r.Host + target, nil
}

func callbackForm(r *http.Request) (url.Values, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, errors.New("client: a callback is a POST of a form")
	}
	if r.PostForm != nil { // somebody before us has read the body
		return r.PostForm, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCallbackBytes+1))
	if err != nil {
		return nil, errors.New("client: the callback broke off")
	}
	if len(body) > maxCallbackBytes {
		return nil, errors.New("client: the callback is longer than 64 KiB")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil { // which quotes the form
		return nil, errors.New("client: the callback is no well-formed form")
	}
	return form, nil
}
