package client_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/signature"
)

// callback returns a callback's request as a server receives it.
func callback(target string, form url.Values, signed string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set(signature.Header, signed)
	r.Header.Set("I-Twilio-Idempotency-Token", "token-1")
	return r
}

func rejection() url.Values {
	return url.Values{"AccountSid": {account}, "BundleSid": {sid}, "Status": {"twilio-rejected"}, "FailureReason": {"18601: Zoë & Co"}}
}

func TestParseCallback(t *testing.T) {
	const target = "http://x.example/status?a=1"
	got, err := client.ParseCallback(callback(target, rejection(), signature.Sign(token, target, rejection())), token)
	want := &client.Callback{
		AccountSID: account, BundleSID: sid, Status: client.BundleStatusTwilioRejected,
		FailureReason: "18601: Zoë & Co", IdempotencyToken: "token-1",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
}

// TestTwilioVectors uses the test vectors of Twilio's SDKs (twilio-go's request_validator_test.go) and documentation. Their
// forms are those of calls, not bundles: if the signature is valid, the error is that the BundleSid is missing.
func TestTwilioVectors(t *testing.T) {
	sdk := url.Values{
		"Digits": {"1234"}, "CallSid": {"CA1234567890ABCDE"}, "To": {"+18005551212"}, "Caller": {"+14158675309"},
		"From": {"+14158675309"}, "ReasonConferenceEnded": {"test"}, "Reason": {"Participant"},
	}
	docs := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"},
		"To": {"+18005551212"},
	}
	property := url.Values{"property": {"value"}, "boolean": {"true"}}
	for _, test := range []struct {
		name, url string
		form      url.Values
		signature string
		valid     bool
	}{
		{"documentation", "https://example.com/myapp.php?foo=1&bar=2", docs, "L/OH5YylLD5NRKLltdqwSvS0BnU=", true},
		{"https", "https://mycompany.com/myapp.php?foo=1&bar=2", sdk, "vOEb5UThFn24KEfnOFLQY2AE5FY=", true},
		{"https, seen with a port", "https://mycompany.com:1234/myapp.php?foo=1&bar=2", sdk, "vOEb5UThFn24KEfnOFLQY2AE5FY=", true},
		{"http", "http://mycompany.com/myapp.php?foo=1&bar=2", sdk, "n2xBNyzSW7rfYStDtOFiFMv7qNo=", true},
		{"http, seen with a port", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", sdk, "n2xBNyzSW7rfYStDtOFiFMv7qNo=", true},
		{"another form", "https://mycompany.com/myapp.php?foo=1&bar=2", property, "NBdBDr/T/lgjI+tlgpXjKZQZs/k=", true},
		{"in another order", "https://mycompany.com/myapp.php?foo=1&bar=2", sdk, "95+Bu0JVPi0r/SsESZCVf0dWAjw=", false},
		{"nonsense", "https://mycompany.com/myapp.php?foo=1&bar=2", sdk, "WRONG SIGNATURE", false},
		{"the http signature at https", "https://mycompany.com/myapp.php?foo=1&bar=2", sdk, "n2xBNyzSW7rfYStDtOFiFMv7qNo=", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.ParseCallback(callback(test.url, test.form, test.signature), "12345")
			if err == nil || errors.Is(err, client.ErrSignature) == test.valid {
				t.Errorf("got %v, want valid %v", err, test.valid)
			}
		})
	}
}

func TestCalledURL(t *testing.T) {
	const signed = "https://acme.example/hooks/status?a=%20+b&&c"
	for _, test := range []struct {
		name, target string // as the receiver sees it
		https        bool
		options      []client.CallbackOption
		valid        bool
	}{
		{"TLS ends here", "/hooks/status?a=%20+b&&c", true, nil, true},
		{"a proxy in front", "/hooks/status?a=%20+b&&c", false, []client.CallbackOption{client.WithPublicURL("https://acme.example")}, true},
		{"a proxy that removes a prefix", "/status?a=%20+b&&c", false, []client.CallbackOption{client.WithPublicURL("https://acme.example/hooks/")}, true},
		{"a proxy with a port", "/hooks/status?a=%20+b&&c", false, []client.CallbackOption{client.WithPublicURL("https://acme.example:443")}, true},
		{"a proxy without WithPublicURL", "/hooks/status?a=%20+b&&c", false, nil, false},
		{"the query encoded differently", "/hooks/status?a=+%20b&&c", true, nil, false},
		{"an invalid public URL", "/hooks/status?a=%20+b&&c", true, []client.CallbackOption{client.WithPublicURL("acme.example")}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := callback(test.target, rejection(), signature.Sign(token, signed, rejection()))
			r.Host = "acme.example"
			r.Header.Set("X-Forwarded-Proto", "https") // ignored
			if test.https {
				r.TLS = &tls.ConnectionState{}
			}
			if _, err := client.ParseCallback(r, token, test.options...); (err == nil) != test.valid {
				t.Errorf("got %v, want valid %v", err, test.valid)
			}
		})
	}
}

// TestParseCallbackDuringRotation: a receiver that knows both tokens takes what either has signed, and nothing else.
func TestParseCallbackDuringRotation(t *testing.T) {
	const target = "http://x.example/status"
	const other = "fedcba9876543210fedcba9876543210"
	for _, test := range []struct {
		name, signer string
		options      []client.CallbackOption
		valid        bool
	}{
		{"the token", token, []client.CallbackOption{client.WithOtherTokens(other)}, true},
		{"the other token", other, []client.CallbackOption{client.WithOtherTokens(other)}, true},
		{"the last of several", other, []client.CallbackOption{client.WithOtherTokens("x", "y"), client.WithOtherTokens("", other)}, true},
		{"the other token, outside a rotation", other, []client.CallbackOption{client.WithOtherTokens("")}, false},
		{"a third token", token + other, []client.CallbackOption{client.WithOtherTokens(other)}, false},
		{"an empty token", "", []client.CallbackOption{client.WithOtherTokens("", other)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := callback(target, rejection(), signature.Sign(test.signer, target, rejection()))
			got, err := client.ParseCallback(r, token, test.options...)
			if (err == nil) != test.valid || (got != nil) != test.valid || (!test.valid && !errors.Is(err, client.ErrSignature)) {
				t.Errorf("got %+v and %v, want valid %t", got, err, test.valid)
			}
		})
	}
	r := callback(target, rejection(), signature.Sign(other, target, rejection()))
	if _, err := client.ParseCallback(r, "", client.WithOtherTokens(other)); err == nil || errors.Is(err, client.ErrSignature) {
		t.Errorf("without the token itself: %v", err)
	}
}

func TestParseCallbackInsideStripPrefix(t *testing.T) {
	form := rejection()
	r := callback("http://x.example/hooks/status", form, signature.Sign(token, "http://x.example/hooks/status", form))
	r.RequestURI = "/hooks/status" // as a real server sets it
	var err error
	http.StripPrefix("/hooks", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err = client.ParseCallback(r, token)
	})).ServeHTTP(httptest.NewRecorder(), r)
	if err != nil {
		t.Error(err)
	}
}

func TestParseCallbackAfterParseForm(t *testing.T) {
	const target = "http://x.example/status?Status=twilio-approved" // in the query, where it is ignored
	r := callback(target, rejection(), signature.Sign(token, target, rejection()))
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got, err := client.ParseCallback(r, token); err != nil || got.Status != client.BundleStatusTwilioRejected {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	const target = "http://x.example/status"
	valid := signature.Sign(token, target, rejection())
	with := func(edit func(url.Values)) *http.Request {
		form := rejection()
		edit(form)
		return callback(target, form, signature.Sign(token, target, form))
	}
	change := func(edit func(*http.Request)) *http.Request {
		r := callback(target, rejection(), valid)
		edit(r)
		return r
	}
	for _, test := range []struct {
		name    string
		request *http.Request
		token   string
		forged  bool // whether the error is ErrSignature
	}{
		{"another token", callback(target, rejection(), valid), token + "0", true},
		{"no token", callback(target, rejection(), signature.Sign("", target, rejection())), "", false},
		{"no signature", change(func(r *http.Request) { r.Header.Del(signature.Header) }), token, true},
		{"a repeated key", with(func(f url.Values) { f.Add("Status", "twilio-approved") }), token, true},
		{"no SID", with(func(f url.Values) { f.Del("BundleSid") }), token, false},
		{"no status", with(func(f url.Values) { f.Del("Status") }), token, false},
		{"too long", with(func(f url.Values) { f.Set("FailureReason", strings.Repeat("x", 64<<10)) }), token, false},
		{"GET", change(func(r *http.Request) { r.Method = http.MethodGet }), token, false},
		{"JSON", change(func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }), token, false},
		{"an empty body", change(func(r *http.Request) { r.Body = http.NoBody }), token, true},
		{"a broken form", func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, target, strings.NewReader("a=%zz"))
			r.Header = callback(target, nil, valid).Header
			return r
		}(), token, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := client.ParseCallback(test.request, test.token)
			if err == nil || got != nil || errors.Is(err, client.ErrSignature) != test.forged {
				t.Errorf("got %+v and %v, want forged %v", got, err, test.forged)
			}
		})
	}
}
