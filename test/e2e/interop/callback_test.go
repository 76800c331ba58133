package interop

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
	trusthub "github.com/twilio/twilio-go/rest/trusthub/v1"

	"github.com/opentrusthub/trusthub/internal/signature"
)

const generatedURLs = 1000

// TestCallbacksAreValid sends callbacks to URLs of several forms, whose signatures the receiver validates with the SDK.
func TestCallbacksAreValid(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testCallbacksAreValid, "--review-delay", "10ms")
}

func testCallbacksAreValid(t *testing.T, server *url.URL) {
	t.Helper()
	receiver := newReceiver(t, map[string]string{accountSID: authToken})
	service := newService(t, server, authToken)
	want := map[string][]string{} // statuses by SID
	submit := func(callback, email, end string) {
		product, err := service.CreateTrustProduct(createParams().SetStatusCallback(callback).SetEmail(email))
		if err != nil {
			t.Fatal(err)
		}
		want[*product.Sid] = []string{"pending-review", "in-review", end}
		_, err = service.UpdateTrustProduct(*product.Sid, new(trusthub.UpdateTrustProductParams).SetStatus("pending-review"))
		if err != nil {
			t.Fatal(err)
		}
	}
	host := strings.TrimPrefix(receiver.url, "http://")
	for _, callback := range []string{
		"http://" + host,
		"http://" + host + "/status?a=1&a=2&empty=&bare&plus=+%2B%2b%20&q=?/@:;'",
		"http://" + host + "/caf%C3%A9/caf%c3%a9/a%2Fb//~%7e?name=Zo%C3%AB#fragment",
		"http://me:s%40cret@" + host + "/status?user=info@here#?not-sent",
	} {
		submit(callback, email, "twilio-approved")
	}
	submit(receiver.url+"/rejected", "compliance+reject-18601@acme.example", "twilio-rejected")
	for sid, statuses := range want {
		receiver.await(t, sid, statuses...)
	}
}

// TestSignaturesAreValid validates the signatures of the main module with the SDK.
//
// The SDK accepts them for the URL as the receiver sees it, but not for the configured URL if that has userinfo or a
// fragment, even an empty one. It includes both in the URL, although they are never part of a request's URL nor, according to
// Twilio's documentation, of the signed URL.
func TestSignaturesAreValid(t *testing.T) {
	t.Parallel()
	validator := client.NewRequestValidator(authToken)
	random := rand.New(rand.NewPCG(3, 1000)) // the same in each run
	seen := map[string]bool{}
	for len(seen) < generatedURLs {
		generated, form := newCallbackURL(random), newForm(random)
		requested, configured := generated.requested(), generated.configured()
		seen[configured] = true
		sum := signature.Sign(authToken, configured, form)
		params := map[string]string{} // a form as the SDK has it
		for name := range form {
			params[name] = form.Get(name)
		}
		if !validator.Validate(requested, params, sum) {
			t.Errorf("Validate refuses the signature for %q at %q with %q", configured, requested, form)
		}
		if !validator.ValidateBody(requested, []byte(form.Encode()), sum) {
			t.Errorf("ValidateBody refuses the signature for %q at %q with %q", configured, requested, form)
		}
		if validator.Validate(configured, params, sum) != (configured == requested) {
			t.Errorf("the signature for %q differs from the documented one", configured)
		}
		params["One"] += "more"
		if validator.Validate(requested, params, sum) {
			t.Errorf("the signature for %q is valid for another form than %q", configured, form)
		}
	}
}

// TestSignatureBesideBodySHA256: with bodySHA256 in the query, ValidateBody does not treat the body as a form and part of the
// signature, whatever the Content-Type. A receiver whose own URL has such a query must call Validate.
func TestSignatureBesideBodySHA256(t *testing.T) {
	t.Parallel()
	const callback = "https://example.com/status?bodySHA256=0123"
	validator, form := client.NewRequestValidator(authToken), url.Values{"Status": {"in-review"}}
	sum := signature.Sign(authToken, callback, form)
	if !validator.Validate(callback, map[string]string{"Status": "in-review"}, sum) {
		t.Error("Validate refuses the signature")
	}
	if validator.ValidateBody(callback, []byte(form.Encode()), sum) {
		t.Error("ValidateBody accepts the signature, contrary to its documentation")
	}
}

// callbackURL has the parts of a StatusCallback.
type callbackURL struct {
	scheme, userinfo, host, port, path, query, fragment string // with their delimiters
}

func (u callbackURL) configured() string {
	return u.scheme + u.userinfo + u.host + u.port + u.path + u.query + u.fragment
}

// requested returns the URL as the receiver sees it.
func (u callbackURL) requested() string { return u.scheme + u.host + u.port + u.path + u.query }

func newCallbackURL(random *rand.Rand) callbackURL {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	many := func(of ...string) (all string) {
		for range random.IntN(5) {
			all += one(of...)
		}
		return all
	}
	u := callbackURL{
		scheme:   one("http://", "https://"),
		userinfo: one("", "", "", "@", "me@", "me:@", "me:secret@", "me%40home:s%2fc%2Fret@"),
		host: one("example.com", "EXAMPLE.com", "xn--bcher-kva.example", "bücher.example", "例え.テスト", "under_score.example",
			"localhost", "192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]"),
		port: one("", "", ":80", ":443", ":8080", ":080", ":65535", ":"),
		path: many("/", "/status", "/a b", "/a+b", "/%20", "/%c3%a9", "/%C3%A9", "/é", "/🏢", "/%2F", "/%2f", "/..", "/@", "/:", "/;v=1",
			"/~", "/%7e", "/'\"<>|"),
		fragment: one("", "", "", "#", "#part", "#a?b&c", "#é/%C3%A9", "#a#b"),
	}
	if random.IntN(4) > 0 {
		u.query = "?" + many("a=1", "&a=1", "&a=2", "&empty=", "&bare", "&=nameless", "&", "&&", "&é=ü", "&%c3%a9=%C3%BC", "&plus=+%2B%2b",
			"&space=%20 ", "&%zz", "&%", "&at=u@v:w", "&path=/x/../y", "&q=??", "&a[]=1", "&a[b]={c}", "&quotes='\"`", ";", "🏢")
	}
	return u
}

func newForm(random *rand.Rand) url.Values {
	text := func() string {
		runes := make([]rune, random.IntN(8)) // often empty
		for i := range runes {
			runes[i] = []rune("aZ09 +&=%;?#/\"'<é例🏢\u0000\n\t\u202e\ufffd")[random.IntN(22)]
		}
		return string(runes)
	}
	form := url.Values{"AccountSid": {accountSID}, "BundleSid": {"BU" + text()}, "Status": {"in-review"}}
	for range random.IntN(6) {
		form.Add(text(), text()) // of a repeated name, the first value counts
	}
	return form
}
