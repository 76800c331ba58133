package browser

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// TestSeveralServers: a login of one server works on another of the same database, and a page of one shows by itself what is
// changed through the other. The name of a session's cookie has the port, so the browser reaches both by the port of a proxy.
func TestSeveralServers(t *testing.T) {
	db := pgtest.New(t)
	first, second := programtest.Serve(t, program, db), programtest.Serve(t, program, db)
	var to atomic.Pointer[url.URL]
	to.Store(first)
	c := console{URL: serveProxy(t, &to)}
	tab := openTab(t)
	tab.logIn(t, newLink(t, db, c.String()))
	tab.open(t, c, "bundles")
	evaluate[bool](t, tab, "window.stillThere = true")
	victim := createProduct(t, second) // through the other server
	tab.do(t, "wait for the bundle", chromedp.WaitReady("#"+victim.SID))
	if !evaluate[bool](t, tab, "window.stillThere === true") {
		t.Error("the page was loaded again")
	}
	to.Store(second)
	tab.load(t, "open the other server", http.StatusOK, chromedp.Navigate(c.at("bundles/"+victim.SID)))
	tab.wantHeading(t, victim.FriendlyName)
	tab.wantQuiet(t, c)
}

// serveProxy serves a proxy to the server that to names, and returns its URL.
func serveProxy(t *testing.T, to *atomic.Pointer[url.URL]) *url.URL {
	t.Helper()
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to.Load())
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(func() {
		server.CloseClientConnections() // or Close would wait for the stream
		server.Close()
	})
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// newLink asks the program for a link to the console at a URL.
func newLink(t *testing.T, db, at string) string {
	t.Helper()
	printed, err := programtest.Start(t, programtest.Command{
		Path: program, Args: []string{"console", "--db", db, "--url", at},
	}).Await(regexp.MustCompile(`http://\S+`), 1)
	if err != nil {
		t.Fatal(err)
	}
	return printed[0]
}
