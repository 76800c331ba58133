package callback

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
	"github.com/opentrusthub/trusthub/internal/signature"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const userAgent = "TwilioProxy/1.1" // as receivers of Twilio's callbacks see it

// errNoRequest replaces net/http's error, which contains the URL. Package callbackurl refuses such URLs earlier.
var errNoRequest = errors.New("must be one that net/http can request")

// Message is the content of a callback.
type Message struct {
	URL       callbackurl.URL
	Form      url.Values
	Signature string // of Form and URL.Requested
}

// NewMessage returns the message for a notice, signed with the account's auth token. For a URL that cannot be requested it
// returns an error, which does not contain the URL.
func NewMessage(n trust.Notice, authToken string) (Message, error) {
	target, err := callbackurl.Parse(n.Target)
	if err != nil {
		return Message{}, err
	}
	form := url.Values{
		"AccountSid": {n.AccountSID},
		"BundleSid":  {n.BundleSID}, // Twilio's name for it, whatever the kind of bundle
		"Status":     {string(n.Status)},
	}
	if reason := n.FailureReason(); reason != "" {
		form.Set("FailureReason", reason)
	}
	return Message{URL: target, Form: form, Signature: signature.Sign(authToken, target.Requested, form)}, nil
}

// newRequest returns the request for a notice. Its errors do not contain the URL.
func newRequest(ctx context.Context, n trust.Notice, authToken string) (*http.Request, error) {
	message, err := NewMessage(n, authToken)
	if err != nil {
		return nil, err
	}
	body := strings.NewReader(message.Form.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, message.URL.Requested, body)
	if err != nil {
		return nil, errNoRequest
	}
	if user := message.URL.User; user.String() != "" {
		password, _ := user.Password()
		request.SetBasicAuth(user.Username(), password)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("I-Twilio-Idempotency-Token", n.ID)
	request.Header.Set(signature.Header, message.Signature)
	if n.TraceParent != "" {
		request.Header.Set("Traceparent", n.TraceParent)
	}
	return request, nil
}
