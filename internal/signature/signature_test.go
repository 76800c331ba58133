package signature_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/signature"
)

// The test vector of Twilio's SDKs.
const (
	token     = "12345"
	vectorURL = "https://example.com/myapp.php?foo=1&bar=2"
	vectorSum = "L/OH5YylLD5NRKLltdqwSvS0BnU="
)

func vectorForm() url.Values {
	return url.Values{
		"To":      {"+18005551212"},
		"Digits":  {"1234"},
		"CallSid": {"CA1234567890ABCDE"},
		"From":    {"+14158675310"},
		"Caller":  {"+14158675310"},
	}
}

func TestVector(t *testing.T) {
	if got := signature.Sign(token, vectorURL, vectorForm()); got != vectorSum {
		t.Errorf("Sign = %q, want %q", got, vectorSum)
	}
	if !signature.Valid(token, vectorURL, vectorForm(), vectorSum) {
		t.Error("the vector is not valid")
	}
}

// TestSignedText: a form and a URL that concatenate to the same text have the same signature.
func TestSignedText(t *testing.T) {
	for name, test := range map[string]struct {
		url  string
		form url.Values
		text string // signed as a URL without a form
	}{
		"byte order, not alphabet":     {"http://a/", url.Values{"b": {"1"}, "B": {"2"}, "_": {"3"}, "ä": {"4"}}, "http://a/B2_3b1ä4"},
		"an empty value":               {"http://a/", url.Values{"A": {""}, "B": {"b"}}, "http://a/ABb"},
		"the first of repeated values": {"http://a/", url.Values{"A": {"1", "2"}}, "http://a/A1"},
		"a key without a value":        {"http://a/", url.Values{"A": nil}, "http://a/A"},
		"Unicode, unescaped":           {"http://a/", url.Values{"Name": {"Zoë & Söhne 🏢"}}, "http://a/NameZoë & Söhne 🏢"},
		"userinfo":                     {"http://me:s%40cret@a:81/p?q=u@v", nil, "http://a:81/p?q=u@v"},
		"userinfo with an at sign":     {"http://me@home:x@a/", nil, "http://a/"},
		"fragment":                     {"http://a/p?q#f#g", nil, "http://a/p?q"},
		"at sign in the path":          {"http://a/@b", nil, "http://a/@b"},
		"at sign right in the query":   {"http://a?x@b", nil, "http://a?x@b"},
		"nothing is normalized":        {"HTTP://A.example:080/x/../%7e?b&&a=+", nil, "HTTP://A.example:080/x/../%7e?b&&a=+"},
	} {
		t.Run(name, func(t *testing.T) {
			if signature.Sign(token, test.url, test.form) != signature.Sign(token, test.text, nil) {
				t.Errorf("%q with %v is not signed as %q", test.url, test.form, test.text)
			}
		})
	}
}

func TestValidPort(t *testing.T) {
	for _, test := range []struct {
		signed, seen string
		want         bool
	}{
		{"https://example.com/a", "https://example.com:443/a", true},
		{"https://example.com:443/a", "https://example.com/a", true},
		{"http://example.com:80/a", "http://example.com/a", true},
		{"http://example.com?a", "http://example.com:80?a", true},
		{"http://example.com", "http://example.com:8080", true},
		{"HTTPS://example.com:443/", "HTTPS://example.com/", true},
		{"https://[2001:db8::1]/a", "https://[2001:db8::1]:443/a", true},
		{"https://[2001:db8::1]:443/a", "https://[2001:db8::1]/a", true},
		{"https://me:secret@example.com/a#b", "https://example.com:443/a", true},
		{"http://example.com:8080/a", "http://example.com/a", false}, // the SDKs can only add the default port, too
		{"http://example.com:8080/a", "http://example.com:8081/a", false},
		{"https://example.com:80/a", "https://example.com/a", false},
		{"https://example.com/a", "http://example.com/a", false},
		{"https://example.com/a", "https://example.com/a/", false},
		{"https://example.com/a", "https://example.com/a?", false},
		{"https://example.com/a", "https://EXAMPLE.com/a", false},
		{"https://[2001:db8::1]/a", "https://[2001:db8:]/a", false},
	} {
		sum := signature.Sign(token, test.signed, vectorForm())
		if got := signature.Valid(token, test.seen, vectorForm(), sum); got != test.want {
			t.Errorf("signed for %q, seen at %q: valid is %v", test.signed, test.seen, got)
		}
	}
}

func TestInvalid(t *testing.T) {
	change := func(edit func(url.Values)) url.Values {
		form := vectorForm()
		edit(form)
		return form
	}
	for name, test := range map[string]struct {
		token, url string
		form       url.Values
		sum        string
	}{
		"another token":        {"12346", vectorURL, vectorForm(), vectorSum},
		"no token":             {"", vectorURL, vectorForm(), vectorSum},
		"another query":        {token, vectorURL + "1", vectorForm(), vectorSum},
		"another value":        {token, vectorURL, change(func(f url.Values) { f.Set("Digits", "12345") }), vectorSum},
		"one more key":         {token, vectorURL, change(func(f url.Values) { f.Set("Extra", "") }), vectorSum},
		"one key less":         {token, vectorURL, change(func(f url.Values) { f.Del("To") }), vectorSum},
		"a repeated key":       {token, vectorURL, change(func(f url.Values) { f.Add("Digits", "9") }), vectorSum},
		"no signature":         {token, vectorURL, vectorForm(), ""},
		"a part of it":         {token, vectorURL, vectorForm(), vectorSum[:8]},
		"more than it":         {token, vectorURL, vectorForm(), vectorSum + "AAAA"},
		"not base64":           {token, vectorURL, vectorForm(), "*" + vectorSum[1:]},
		"its case changed":     {token, vectorURL, vectorForm(), strings.ToLower(vectorSum)},
		"other base64 for it":  {token, vectorURL, vectorForm(), strings.Replace(vectorSum, "nU=", "nV=", 1)},
		"no URL, another form": {token, "", nil, vectorSum},
	} {
		t.Run(name, func(t *testing.T) {
			if signature.Valid(test.token, test.url, test.form, test.sum) {
				t.Error("the signature is valid")
			}
		})
	}
}

// FuzzRoundTrip: no input may panic, and every signature must be valid for its own input.
func FuzzRoundTrip(f *testing.F) {
	f.Add(token, vectorURL, "A=1&B=2")
	f.Add("", "http://u:p@[::1]:80?#", "=&a=%00")
	f.Add("t", "://@:", "")
	f.Fuzz(func(t *testing.T, token, rawURL, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for key, values := range form {
			form[key] = values[:1]
		}
		if !signature.Valid(token, rawURL, form, signature.Sign(token, rawURL, form)) {
			t.Errorf("%q with %v: the signature is invalid", rawURL, form)
		}
	})
}
