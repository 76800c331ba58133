package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/api"
	operatorserver "github.com/opentrusthub/trusthub/gen/operator/server"
)

func getDocs(t *testing.T, handler http.Handler, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://hub.example"+path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// browser is a browser's Accept header.
func browser() http.Header {
	return http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}}
}

func TestDocsPageAndAssets(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	for path, mediaType := range map[string]string{
		"/":                    "text/html",
		"/docs":                "text/html",
		"/docs/init.js":        "text/javascript",
		"/docs/swagger-ui.js":  "text/javascript",
		"/docs/swagger-ui.css": "text/css",
		"/docs/favicon.png":    "image/png",
	} {
		t.Run(path, func(t *testing.T) {
			plain := getDocs(t, handler, path, browser())
			got, _, err := mime.ParseMediaType(plain.Header().Get("Content-Type"))
			if plain.Code != http.StatusOK || got != mediaType || err != nil || plain.Body.Len() == 0 {
				t.Fatalf("status %d, type %q, %v, %d bytes", plain.Code, got, err, plain.Body.Len())
			}
			if encoding := plain.Header().Get("Content-Encoding"); encoding != "" {
				t.Errorf("a client that does not accept gzip gets the encoding %q", encoding)
			}
			for header, value := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if plain.Header().Get(header) != value {
					t.Errorf("%s is %q, not %q", header, plain.Header().Get(header), value)
				}
			}
			known := browser()
			known.Set("If-None-Match", plain.Header().Get("Etag"))
			again := getDocs(t, handler, path, known)
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("with If-None-Match: status %d and %d bytes", again.Code, again.Body.Len())
			}
			compressed := browser()
			compressed.Set("Accept-Encoding", "br, gzip")
			zipped := getDocs(t, handler, path, compressed)
			if !bytes.Equal(decoded(t, zipped), plain.Body.Bytes()) {
				t.Error("the content with gzip differs")
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

// TestOperatorDocs: the operator API's reference consists of the same files as that of customers, which have no access to it.
func TestOperatorDocs(t *testing.T) {
	customers := newHandler(t, backend{}, api.Config{})
	operators, err := api.NewOperator(operatorserver.Unimplemented{}, api.Config{Authenticate: api.OperatorToken("secret")})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs", "/docs/", "/docs/init.js", "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/docs/favicon.png"} {
		want, got := getDocs(t, customers, path, browser()), getDocs(t, operators, "/operator"+path, browser())
		for name := range want.Header() {
			if name == "Twilio-Request-Id" || strings.HasPrefix(name, "Access-Control-") {
				want.Header().Del(name)
				got.Header().Del(name)
			}
		}
		if diff := cmp.Diff(want.Header(), got.Header()); diff != "" || got.Code != want.Code {
			t.Errorf("%s: status %d, the headers differ (-customers +operators):\n%s", path, got.Code, diff)
		}
		if !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
			t.Errorf("%s: the content differs", path)
		}
		if w := getDocs(t, customers, "/operator"+path, browser()); w.Code != http.StatusNotFound {
			t.Errorf("%s: a server without the operator API returns status %d", path, w.Code)
		}
	}
	contract := getDocs(t, operators, "/operator/openapi.yaml", nil) // which the page links to and loads
	if contract.Body.String() != trusthub.OperatorContract() {
		t.Errorf("status %d for the contract", contract.Code)
	}
	if w := getDocs(t, operators, "/operator/", browser()); w.Code != http.StatusNotFound {
		t.Errorf("status %d for a page beside the reference", w.Code)
	}
}

// TestDocsStayHere: nothing may be fetched from other servers. The policy makes browsers enforce that, for scripts too, and
// the page and its style do not try.
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
		t.Error("the policy has no default-src 'none'")
	}

	for path, count := range map[string]int{"/": 3, "/docs": 5} {
		links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(getDocs(t, handler, path, browser()).Body.String(), -1)
		if len(links) != count {
			t.Errorf("%s has the links %v, want %d", path, links, count)
		}
		base := &url.URL{Scheme: "http", Host: "hub.example", Path: "/below/a/proxy" + path}
		for _, link := range links {
			target, err := base.Parse(link[1])
			if err != nil || target.Host != base.Host || !strings.HasPrefix(target.Path, "/below/a/proxy/") {
				t.Errorf("%s links to %s", path, link[1])
				continue
			}
			if w := getDocs(t, handler, strings.TrimPrefix(target.Path, "/below/a/proxy"), nil); w.Code != http.StatusOK {
				t.Errorf("%s: status %d", link[1], w.Code)
			}
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

// TestHome requests the root: a browser gets a page with a link to the API reference, every other client the error for an
// unknown path.
func TestHome(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	page := getDocs(t, handler, "/", browser()).Body.String()
	if !strings.Contains(page, "<title>trusthub</title>") || !strings.Contains(page, `<a href="docs">`) {
		t.Errorf("a browser gets %s", page)
	}
	for _, accept := range []string{"", "*/*", "application/json"} {
		r := httptest.NewRequest(http.MethodGet, "http://hub.example/", nil)
		r.Header.Set("Accept", accept)
		w, failure := answerOf(t, handler, r)
		if w.Code != http.StatusNotFound || api.Code(failure.Code) != api.CodeNotFound || w.Header().Get("Vary") != "Accept" {
			t.Errorf("with Accept %q: status %d, %+v", accept, w.Code, failure)
		}
	}
}

// TestHead sends HEAD requests for everything besides the API.
func TestHead(t *testing.T) {
	address := serveTCP(t, newHandler(t, backend{}, api.Config{Health: func(context.Context) error { return nil }}))
	for _, path := range []string{"/", "/healthz", "/livez", "/openapi.yaml", "/docs", "/docs/swagger-ui.js"} {
		var headers []http.Header
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			conn := send(t, address, method+" "+path+" HTTP/1.1\r\nHost: hub.example\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
			response, err := http.ReadResponse(conn, nil) // everything after its header is the body
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(conn)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK || (len(body) == 0) != (method == http.MethodHead) {
				t.Errorf("%s %s: %s, %d bytes, %v", method, path, response.Status, len(body), err)
			}
			for _, changes := range []string{"Date", "Twilio-Request-Id", "Content-Length"} {
				response.Header.Del(changes)
			}
			headers = append(headers, response.Header)
		}
		if diff := cmp.Diff(headers[0], headers[1]); diff != "" {
			t.Errorf("%s: the headers differ (-GET +HEAD):\n%s", path, diff)
		}
	}
}

// TestDocsDecompressOnce repeatedly requests a file that is stored compressed, without accepting gzip.
func TestDocsDecompressOnce(t *testing.T) {
	handler := newHandler(t, backend{}, api.Config{})
	plain := getDocs(t, handler, "/docs/swagger-ui.js", nil)
	known := http.Header{"If-None-Match": {plain.Header().Get("Etag")}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 10
	for range times {
		getDocs(t, handler, "/docs/swagger-ui.js", known)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > uint64(plain.Body.Len())/10 {
		t.Errorf("each request allocates %d bytes for a file of %d", each, plain.Body.Len())
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

// TestDocsWithSlash: the page's links are relative, so they would not work below /docs/.
func TestDocsWithSlash(t *testing.T) {
	w := getDocs(t, newHandler(t, backend{}, api.Config{}), "/docs/", nil)
	if w.Code != http.StatusMovedPermanently || !slices.Equal(w.Header().Values("Location"), []string{"../docs"}) {
		t.Errorf("status %d to %q", w.Code, w.Header().Get("Location"))
	}
}
