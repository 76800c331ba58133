package console_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// pages are the paths of all pages, with the status that each has. Add each new page here.
var pages = map[string]int{
	"/console/":                      http.StatusOK,
	"/console/login":                 http.StatusOK,
	"/console/login?code=x":          http.StatusOK,
	"/console/bundles":               http.StatusOK,
	"/console/bundles?q=zzz":         http.StatusOK,
	"/console/bundles/" + productSID: http.StatusOK,
	"/console/reviews":               http.StatusOK,
	"/console/reviews?after=x":       http.StatusBadRequest,
	"/console/deliveries":            http.StatusOK,
	"/console/deliveries?state=all":  http.StatusOK,
	"/console/deliveries?state=nope": http.StatusBadRequest,
	"/console/deliveries?channel=no": http.StatusBadRequest,
	"/console/deliveries?after=x":    http.StatusBadRequest,
	"/console/deliveries?bundle=x":   http.StatusBadRequest,
	"/console/deliveries/" + noID:    http.StatusNotFound,
	"/console/deliveries/x":          http.StatusNotFound,
	"/console/deliveries/replay":     http.StatusOK,

	"/console/deliveries?state=all&endpoint=%00":    http.StatusBadRequest,
	"/console/deliveries/replay?state=delivered":    http.StatusBadRequest,
	"/console/messages":                             http.StatusOK,
	"/console/messages?state=all&to=a@acme.example": http.StatusOK,
	"/console/messages?after=x":                     http.StatusBadRequest,
	"/console/messages/" + noID:                     http.StatusNotFound,
	"/console/requests":                             http.StatusOK,
	"/console/requests?show=refused":                http.StatusOK,
	"/console/requests?show=nope":                   http.StatusBadRequest,
	"/console/requests?after=x":                     http.StatusBadRequest,
	"/console/requests?account=x":                   http.StatusBadRequest,

	"/console/accounts":               http.StatusOK,
	keysPath:                          http.StatusOK,
	keysPath + "/" + keySID:           http.StatusOK,
	keysPath + "/SK" + accountSID[2:]: http.StatusNotFound,
	"/console/accounts/AC0/keys":      http.StatusNotFound,
	"/console/accounts/AC00000000000000000000000000000000/keys":  http.StatusNotFound,
	"/console/accounts/" + accountSID + "/token":                 http.StatusOK,
	"/console/accounts/AC00000000000000000000000000000000/token": http.StatusNotFound,
	"/console/accounts/x/token":                                  http.StatusNotFound,
	"/console/policies":                                          http.StatusOK,
	"/console/policies/" + policySID:                             http.StatusOK,
	"/console/policies/RN0":                                      http.StatusNotFound,
	"/console/test":                                              http.StatusOK,
	"/console/nope":                                              http.StatusNotFound,
	"/console/bundles/BU0":                                       http.StatusNotFound,
	"/console/bundles?status=nope":                               http.StatusBadRequest,
}

// markup is what a customer may send.
const markup = `<img src=x onerror="alert(1)">&amp;'"</script>{{.}}`

// TestEveryPage: each page is valid HTML with the headers that keep it safe, shows what customers sent as text and no token, and
// none opens without a session.
func TestEveryPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, markup, markup)
		addKey(t, db, markup)
		notify(t, db, trust.Callback, "https://example.com/?"+markup)
		notify(t, db, trust.Email, markup)
		s, stranger := loggedIn(t, db), newSite(t, db)
		for path, want := range pages {
			response := s.send(t, "GET", path, "")
			wantStatus(t, path, response, want, "")
			wantSafeHeaders(t, path, response.Header())
			text := response.Body.String()
			wantHTML(t, path, text)
			if strings.Contains(text, "<img") || strings.Contains(text, "verysecret") {
				t.Errorf("%s has the markup of a customer, or a token", path)
			}
			if strings.HasPrefix(path, "/console/login") {
				continue
			}
			response = stranger.send(t, "GET", path, "")
			wantStatus(t, path+" without a session", response, http.StatusSeeOther, "/console/login")
			wantSafeHeaders(t, path, response.Header())
		}
		text := s.send(t, "GET", "/console/bundles", "").Body.String()
		if !strings.Contains(text, html.EscapeString(markup)) {
			t.Error("the list does not show the name as text")
		}
	})
}

func wantSafeHeaders(t *testing.T, path string, header http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", path, name, got, want)
		}
	}
}

// wantHTML reports what is wrong with a page: tags that are not closed, ids that are not unique, inline scripts and styles, links
// to elsewhere, no heading, controls without a label.
func wantHTML(t *testing.T, path, text string) {
	t.Helper()
	var open []string
	ids, headings := map[string]bool{}, 0
	void := []string{"meta", "link", "input", "br", "circle", "path", "img"}
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind, token := z.Next(), z.Token()
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 || headings != 1 {
				t.Errorf("%s: %v, open tags %v, %d headings", path, z.Err(), open, headings)
			}
			return
		case html.StartTagToken:
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
			if token.Data == "h1" {
				headings++
			}
			wantElement(t, path, token, ids, open)
		case html.SelfClosingTagToken:
			wantElement(t, path, token, ids, open)
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("%s: </%s> within %v", path, token.Data, open)
			}
			open = open[:len(open)-1]
		case html.CommentToken, html.DoctypeToken:
		case html.TextToken:
			if len(open) > 0 && (open[len(open)-1] == "script" || open[len(open)-1] == "style") {
				t.Errorf("%s: an inline script or style: %s", path, token.Data)
			}
		}
	}
}

func wantElement(t *testing.T, path string, token html.Token, ids map[string]bool, open []string) {
	t.Helper()
	attributes := map[string]string{}
	for _, a := range token.Attr {
		if _, twice := attributes[a.Key]; twice || a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("%s: the attribute %s of %s", path, a.Key, token.Data)
		}
		attributes[a.Key] = a.Val
		if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
			t.Errorf("%s: a link to %s", path, a.Val)
		}
	}
	if id := attributes["id"]; id != "" {
		if ids[id] {
			t.Errorf("%s: the id %s is not unique", path, id)
		}
		ids[id] = true
	}
	control := token.Data == "select" || token.Data == "textarea" || (token.Data == "input" && attributes["type"] != "hidden")
	if control && !slices.Contains(open, "label") && attributes["aria-label"] == "" {
		t.Errorf("%s: the %s %q has no label", path, token.Data, attributes["name"])
	}
	if _, labelled := attributes["data-label"]; token.Data == "td" && !labelled {
		t.Errorf("%s: a td without data-label", path)
	}
}

// TestBundlesFilter: the filter comes from the URL, and stays in the links to other pages.
func TestBundlesFilter(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	addBundle(t, db, "Acme", "a@acme.example")
	s := loggedIn(t, db)
	for query, want := range map[string]bool{
		"":                            true,
		"?q=aCME":                     true,
		"?q=@acme":                    true,
		"?q=" + productSID:            true,
		"?q=" + accountSID:            true,
		"?q=" + policySID:             true,
		"?q=bolt":                     false,
		"?q=%00%ff":                   true, // as without
		"?kind=trust-product":         true,
		"?kind=customer-profile":      false,
		"?status=draft":               true,
		"?status=in-review":           false,
		"?policy=" + policySID:        true,
		"?policy=RN" + accountSID[2:]: false,
		"?q=acme&after=" + productSID: false,
	} {
		text := s.send(t, "GET", "/console/bundles"+query, "").Body.String()
		if got := strings.Contains(text, `href="/console/bundles/`+productSID); got != want {
			t.Errorf("%q lists the product: %t, want %t", query, got, want)
		}
	}
	text := s.send(t, "GET", "/console/bundles?q=acme&status=draft&after="+productSID, "").Body.String()
	if !strings.Contains(text, `href="/console/bundles?q=acme&amp;status=draft"`) {
		t.Errorf("no link to the first page with the filter: %s", text)
	}
}

// TestStaticFiles: browsers keep files whose URL has their version, and need no session for them.
func TestStaticFiles(t *testing.T) {
	s := newSite(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	page := s.send(t, "GET", "/console/login", "").Body.String()
	for _, name := range []string{"style.css", "console.js", "idiomorph.min.js", "icon.svg"} {
		_, rest, found := strings.Cut(page, `"/console/static/`+name+"?v=")
		version, _, _ := strings.Cut(rest, `"`)
		for query, want := range map[string]string{"?v=" + version: "public, max-age=31536000, immutable", "": "no-cache"} {
			response := s.send(t, "GET", "/console/static/"+name+query, "")
			if got := response.Header().Get("Cache-Control"); !found || response.Code != http.StatusOK || got != want {
				t.Errorf("%s%s: status %d, Cache-Control %q, want %q", name, query, response.Code, got, want)
			}
		}
	}
}

// TestStartPage has commands with the URL of the API, and nothing else that a request names.
func TestStartPage(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	for name, test := range map[string]struct {
		configure  func(*console.Config)
		host, want string
	}{
		"the same address":  {func(*console.Config) {}, "localhost:8080", "TRUSTHUB_BASE_URL=http://localhost:8080\n"},
		"another address":   {func(c *console.Config) { c.API = tcp("0.0.0.0:9000") }, "localhost:8080", "TRUSTHUB_BASE_URL=http://localhost:9000\n"},
		"a public URL":      {func(c *console.Config) { c.APIURL = "https://hub.example/" }, "localhost:8080", "TRUSTHUB_BASE_URL=https://hub.example\n"},
		"a name that harms": {func(c *console.Config) { c.Loopback = false }, "a$(rm):80", "TRUSTHUB_BASE_URL=http://127.0.0.1\n"},
	} {
		s := newSite(t, db, test.configure)
		s.logIn(t, s.newCode(t))
		s.cookies = append(s.cookies, &http.Cookie{Name: "trusthub_console_80", Value: s.cookies[0].Value})
		text := s.send(t, "GET", "/console/", "", func(r *http.Request) { r.Host = test.host }).Body.String()
		if !strings.Contains(text, test.want) {
			t.Errorf("%s: %s is not in %s", name, test.want, text)
		}
	}
}

func busyConsole(c *console.Config) {
	c.Admit = func(context.Context) error { return errors.New("too many") }
}

// TestAction approves a bundle: the next page says so, and a draft is refused with the reason.
func TestAction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		s := loggedIn(t, db)
		const path = "/console/bundles/" + productSID
		draft := s.send(t, "POST", path+"/approve", "")
		wantStatus(t, "approving a draft", draft, http.StatusConflict, "")
		if text := draft.Body.String(); !strings.Contains(text, "is draft, but only a submitted Trust Product can be approved") {
			t.Errorf("the draft: %s", text)
		}
		if _, err := db.ReviewBundle(t.Context(), productSID, func(b trust.Bundle) (trust.Outcome, error) {
			b.Status = trust.PendingReview
			return trust.Outcome{Bundle: b, Changed: true}, nil
		}); err != nil {
			t.Fatal(err)
		}
		stranger := newSite(t, db)
		wantStatus(t, "approving without a session", stranger.send(t, "POST", path+"/approve", ""), http.StatusSeeOther, "/console/login")
		if b, err := db.Bundle(t.Context(), productSID); err != nil || b.Status != trust.PendingReview {
			t.Errorf("without a session the bundle became %s, %v", b.Status, err)
		}
		wantStatus(t, "approving", s.send(t, "POST", path+"/approve", ""), http.StatusSeeOther, path+"?done=approved")
		if text := s.send(t, "GET", path+"?done=approved", "").Body.String(); !strings.Contains(text, "The bundle is approved.") ||
			!strings.Contains(text, "twilio-approved") {
			t.Errorf("the page does not say that the bundle is approved: %s", text)
		}
		if text := s.send(t, "GET", path+"?done=%3Cb%3Eother", "").Body.String(); strings.Contains(text, "other") {
			t.Error("the page says what a link says")
		}
		wantStatus(t, "an unknown bundle", s.send(t, "POST", "/console/bundles/BU0"+accountSID[3:]+"/approve", ""), http.StatusNotFound, "")
	})
}
