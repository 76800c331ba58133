package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
)

func getDocs(t *testing.T, handler http.Handler, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://hub.example"+path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestDocsPageAndAssets(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for path, mediaType := range map[string]string{
		"/docs":                "text/html",
		"/docs/init.js":        "text/javascript",
		"/docs/swagger-ui.js":  "text/javascript",
		"/docs/swagger-ui.css": "text/css",
		"/docs/favicon.png":    "image/png",
	} {
		t.Run(path, func(t *testing.T) {
			plain := getDocs(t, handler, path, http.Header{})
			got, _, err := mime.ParseMediaType(plain.Header().Get("Content-Type"))
			if plain.Code != http.StatusOK || got != mediaType || err != nil || plain.Body.Len() == 0 {
				t.Fatalf("status %d, type %q, %v, %d bytes", plain.Code, got, err, plain.Body.Len())
			}
			if encoding := plain.Header().Get("Content-Encoding"); encoding != "" {
				t.Errorf("who does not accept gzip gets the encoding %q", encoding)
			}
			for header, value := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if plain.Header().Get(header) != value {
					t.Errorf("%s is %q, not %q", header, plain.Header().Get(header), value)
				}
			}
			again := getDocs(t, handler, path, http.Header{"If-None-Match": {plain.Header().Get("Etag")}})
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("who has it gets status %d and %d bytes", again.Code, again.Body.Len())
			}
			zipped := getDocs(t, handler, path, http.Header{"Accept-Encoding": {"br, gzip"}})
			if !bytes.Equal(decoded(t, zipped), plain.Body.Bytes()) {
				t.Error("with gzip it is something else")
			}
		})
	}
}

func decoded(t *testing.T, w *httptest.ResponseRecorder) []byte {
	t.Helper()
	if w.Header().Get("Content-Encoding") != "gzip" {
		return w.Body.Bytes()
	}
	reader, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Nothing may be fetched from elsewhere. The policy has the browser see to it, also for what a script would fetch; and the
// page and its style do not try.
func TestDocsStayHere(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	page := getDocs(t, handler, "/docs", nil)
	for directive := range strings.SplitSeq(page.Header().Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		for source := range strings.FieldsSeq(sources) {
			inline := source == "'unsafe-inline'" && name == "style-src"
			image := source == "data:" && name == "img-src"
			if source != "'self'" && source != "'none'" && !inline && !image {
				t.Errorf("the policy allows %s %s", name, source)
			}
		}
	}
	if !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the policy allows what it does not name")
	}

	html := page.Body.String()
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1)
	if len(links) < 4 {
		t.Fatalf("the page loads too little: %v", links)
	}
	base := &url.URL{Scheme: "http", Host: "hub.example", Path: "/below/a/proxy/docs"}
	for _, link := range links {
		target, err := base.Parse(link[1])
		if err != nil || target.Host != base.Host || !strings.HasPrefix(target.Path, "/below/a/proxy/") {
			t.Errorf("the page leads to %s", link[1])
			continue
		}
		if w := getDocs(t, handler, strings.TrimPrefix(target.Path, "/below/a/proxy"), nil); w.Code != http.StatusOK {
			t.Errorf("%s: status %d", link[1], w.Code)
		}
	}
	style := getDocs(t, handler, "/docs/swagger-ui.css", nil).Body.String()
	for _, use := range regexp.MustCompile(`(?:@import|url\()\s*["']?([^"')]{0,20})`).FindAllStringSubmatch(style, -1) {
		if !strings.HasPrefix(use[1], "data:") {
			t.Errorf("the style loads %s", use[1])
		}
	}
	if script := getDocs(t, handler, "/docs/init.js", nil).Body.String(); strings.Contains(script, "://") {
		t.Error("the page's script names a URL")
	}
}

func TestDocsErrors(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/docs/other.js", http.StatusNotFound},
		{http.MethodGet, "/docs/../docs/swagger-ui-bundle.js.gz", http.StatusNotFound},
		{http.MethodPost, "/docs", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/docs/init.js", http.StatusMethodNotAllowed},
	} {
		w, failure := answerOf(t, handler, httptest.NewRequest(test.method, "http://hub.example"+test.path, nil))
		if w.Code != test.status || failure.Message == "" {
			t.Errorf("%s %s: status %d, %+v", test.method, test.path, w.Code, failure)
		}
	}
}

// The page's links are relative, so that with a slash at its end it would not find them.
func TestDocsWithSlash(t *testing.T) {
	w := getDocs(t, newHandler(t, backend{}, api.Config{}), "/docs/", nil)
	if w.Code != http.StatusMovedPermanently || !slices.Equal(w.Header().Values("Location"), []string{"../docs"}) {
		t.Errorf("status %d to %q", w.Code, w.Header().Get("Location"))
	}
}
