package callbackurl_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
)

func TestRequested(t *testing.T) {
	for rawURL, want := range map[string]string{
		"http://acme.example":                         "http://acme.example/",
		"HTTPS://Acme.Example:8443/A?b=c":             "https://Acme.Example:8443/A?b=c",
		"http://acme.example:/":                       "http://acme.example/",
		"http://acme.example:1/":                      "http://acme.example:1/",
		"http://acme.example:00080/":                  "http://acme.example:00080/",
		"http://acme.example:65535/":                  "http://acme.example:65535/",
		"http://bücher.example/ü?ü":                   "http://xn--bcher-kva.example/%C3%BC?%C3%BC",
		"http://BÜCHER.example:81":                    "http://xn--bcher-kva.example:81/",
		"http://under_score.example/":                 "http://under_score.example/",
		"http://[::1]/":                               "http://[::1]/",
		"http://[::1]:80/":                            "http://[::1]:80/",
		"http://me:secret@acme.example/a#fragment?x":  "http://acme.example/a",
		"http://" + strings.Repeat("a", 253) + ":443": "http://" + strings.Repeat("a", 253) + ":443/",
	} {
		got, err := callbackurl.Parse(rawURL)
		if err != nil || got.Requested != want {
			t.Errorf("%s: requested as %s, error %v, want %s", rawURL, got.Requested, err, want)
		}
	}
	got, err := callbackurl.Parse("http://me:s%40cret@acme.example/")
	if password, _ := got.User.Password(); err != nil || got.User.Username() != "me" || password != "s@cret" {
		t.Errorf("user %v, error %v", got.User, err)
	}
}

// TestEndpoint: spelling a host in several ways must not allow more connections to it.
func TestEndpoint(t *testing.T) {
	for want, spellings := range map[string][]string{
		"http://acme.example:80": {
			"http://acme.example", "HTTP://ACME.example/a?b", "http://acme.example:80", "http://acme.example.", "http://acme.example:",
			"http://acme.example.:0080/", "http://me:secret@Acme.Example./",
		},
		"https://acme.example:443":        {"https://acme.example/", "https://acme.EXAMPLE:443/"},
		"https://acme.example:80":         {"https://acme.example:80/"},
		"http://xn--bcher-kva.example:80": {"http://bücher.example", "http://BÜCHER.example.", "http://XN--bcher-kva.example:80"},
		"http://[::1]:80":                 {"http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/"},
		"http://127.0.0.1:81":             {"http://127.0.0.1:81/", "http://[::ffff:127.0.0.1]:81/", "http://[::FFFF:7f00:1]:81/"},
	} {
		for _, spelling := range spellings {
			if got, err := callbackurl.Parse(spelling); err != nil || got.Endpoint != want {
				t.Errorf("%s: endpoint %s, error %v, want %s", spelling, got.Endpoint, err, want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	const absolute, port, host = "must be an absolute http or https URL", "must have a port between 1 and 65535, or none", "must name a valid host"
	for rawURL, want := range map[string]string{
		"":                            absolute,
		"/status":                     absolute,
		"acme.example/status":         absolute,
		"ftp://acme.example/":         absolute,
		"mailto:someone@acme.example": absolute,
		"http:acme.example":           absolute,
		"https:///status":             absolute,
		"http://:80/":                 absolute,
		"http://me@/":                 absolute,
		"http://[::1/":                absolute,
		"http://%zz/":                 absolute,
		"http://acme.example:port/":   absolute,
		"http://acme.example:-1/":     absolute,
		"http://acme.example:0/":      port,
		"http://acme.example:65536/":  port,
		"http://acme.example:99999/":  port,
		"http://acme.example:" + strings.Repeat("0", 4096): port,
		"http://" + strings.Repeat("a", 254) + "/":         "must name a host of at most 253 bytes",
		"http://a%ff.example/":                             host,
		"http://ü-.example/":                               host,
		"http://ü\u200d.example/":                          host,
		"http://[fe80::1%25eth0]/":                         "must not name a zone of this server's network",
		"http://acme.example/a b":                          "must not contain spaces or control characters",
		"http://acme.example/\r\nX: y":                     "must not contain spaces or control characters",
		"http://acme.example/\u00a0":                       "must not contain spaces or control characters",
	} {
		got, err := callbackurl.Parse(rawURL)
		if err == nil || err.Error() != want {
			t.Errorf("%.60q: %+v, error %v, want %q", rawURL, got, err, want)
		}
	}
}

// FuzzParse: an accepted URL can be requested, unchanged.
func FuzzParse(f *testing.F) {
	for _, rawURL := range []string{
		"http://me:secret@[::1]:80/a?b#c", "https://bücher.example:443?ü", "http://a%ff/", "http://a/%zz", "http://a\"<>/\"<>", "http:\\\\a", "http://a?",
	} {
		f.Add(rawURL)
	}
	f.Fuzz(func(t *testing.T, rawURL string) {
		parsed, err := callbackurl.Parse(rawURL)
		if err != nil {
			return
		}
		r, err := http.NewRequest(http.MethodPost, parsed.Requested, http.NoBody)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", rawURL, parsed.Requested, err)
		}
		if got := r.URL.Scheme + "://" + r.Host + r.URL.RequestURI(); got != parsed.Requested {
			t.Errorf("%q becomes %q, and is requested as %q", rawURL, parsed.Requested, got)
		}
	})
}
