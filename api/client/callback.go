package client

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/signature"
)

// maxCallbackBytes bounds how much of a callback is read. It usually has a few hundred bytes.
const maxCallbackBytes = 64 << 10

// Callback reports that the status of a bundle, a Trust Product or Customer Profile, has changed. The fields are those that
// Twilio documents for number bundles; for these bundles it documents none (docs/fidelity.md).
type Callback struct {
	AccountSID       string       // the account that the bundle belongs to
	BundleSID        string       // of the Trust Product or Customer Profile
	Status           BundleStatus // the new status, which may be unknown to this version
	FailureReason    string       // why it was rejected, for people to read; otherwise empty
	IdempotencyToken string       // the same if this change is reported again, as happens; may be empty, and is not signed
}

// CallbackOption changes one call of ParseCallback.
type CallbackOption func(*callbackSettings)

type callbackSettings struct {
	publicURL   string
	otherTokens []string
}

// WithPublicURL is for a receiver behind a proxy. It sets the URL that the service calls, for example https://acme.example,
// without the request's path and query, which are appended. If the proxy removes a prefix from the path, include it. By default
// the URL is built from r.TLS and r.Host. X-Forwarded-Proto and similar headers are never used, because anyone can send them.
func WithPublicURL(base string) CallbackOption {
	return func(s *callbackSettings) { s.publicURL = base }
}

// WithOtherTokens also accepts callbacks that are signed with other auth tokens of the account. A receiver needs it while the
// token is rotated, because some callbacks were signed before the promotion and arrive after it:
//
//	client.ParseCallback(r, token, client.WithOtherTokens(os.Getenv("OTHER_TWILIO_AUTH_TOKEN")))
//
// Empty tokens are ignored, so that the variable needs to be set during a rotation only.
func WithOtherTokens(authTokens ...string) CallbackOption {
	return func(s *callbackSettings) { s.otherTokens = append(s.otherTokens, authTokens...) }
}

// ParseCallback verifies that r was signed with the account's auth token, or one of WithOtherTokens, and parses it. As in
// Twilio's SDKs, the signature may have been made with or without the port. The path and query are taken from r.RequestURI,
// so http.StripPrefix has no effect on them. At most 64 KiB of the body are read; if the form has been parsed already, it is
// used.
//
// The error is ErrSignature if the signature is missing or wrong: respond with 403. Any other error means that r is not a
// callback, or that the auth token or the public URL is invalid: respond with 400. The signature does not expire: whoever
// sees a request can repeat it. To detect that, remember the IdempotencyToken, or fetch the product.
func ParseCallback(r *http.Request, authToken string, options ...CallbackOption) (*Callback, error) {
	var s callbackSettings
	for _, option := range options {
		option(&s)
	}
	if authToken == "" {
		return nil, errors.New("client: the auth token is empty, so anyone could have signed the callback")
	}
	called, err := s.calledURL(r)
	if err != nil {
		return nil, err
	}
	form, err := callbackForm(r)
	if err != nil {
		return nil, err
	}
	if !s.signed(authToken, called, form, r.Header.Get(signature.Header)) {
		return nil, ErrSignature
	}
	callback := &Callback{
		AccountSID:       form.Get("AccountSid"),
		BundleSID:        form.Get("BundleSid"),
		Status:           BundleStatus(form.Get("Status")),
		FailureReason:    form.Get("FailureReason"),
		IdempotencyToken: r.Header.Get("I-Twilio-Idempotency-Token"),
	}
	if callback.BundleSID == "" || callback.Status == "" {
		return nil, errors.New("client: the callback has no BundleSid or Status")
	}
	return callback, nil
}

// signed reports whether a signature was made with one of the tokens.
func (s callbackSettings) signed(authToken, called string, form url.Values, signed string) bool {
	return slices.ContainsFunc(append([]string{authToken}, s.otherTokens...), func(token string) bool {
		return token != "" && signature.Valid(token, called, form, signed)
	})
}

// calledURL returns the URL that the service called.
func (s callbackSettings) calledURL(r *http.Request) (string, error) {
	target := r.RequestURI // as it was sent, byte for byte
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI()
	}
	if s.publicURL != "" {
		base, err := url.Parse(s.publicURL)
		if err != nil || !absolute(base) || strings.ContainsAny(s.publicURL, "?#") {
			return "", errors.New("client: the public URL must be an absolute http or https URL without query and fragment")
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
		return nil, errors.New("client: a callback must be a POST of a form")
	}
	if r.PostForm != nil { // the body has been read already
		return r.PostForm, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCallbackBytes+1))
	if err != nil {
		return nil, errors.New("client: incomplete callback")
	}
	if len(body) > maxCallbackBytes {
		return nil, errors.New("client: the callback is longer than 64 KiB")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil { // err would quote the form
		return nil, errors.New("client: malformed form in the callback")
	}
	return form, nil
}
