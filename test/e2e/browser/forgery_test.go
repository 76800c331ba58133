package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const forged = "FriendlyName=Forged&Email=a%40evil.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea"

// TestPagesAfterAVisit visits the API with a browser and would enter the credentials if asked. The browser must not ask,
// because it would then add the credentials to requests of other sites' pages.
func TestPagesAfterAVisit(t *testing.T) {
	base := startServer(t)
	victim := createProduct(t, base)
	tab := openTab(t)
	asked := tab.typeCredentials(t)

	tab.do(t, "visit the API", chromedp.Navigate(base.String()+"/v1/TrustProducts"))
	tab.wantText(t, `"code":20003`)
	withCredentials := *base
	withCredentials.User = url.UserPassword(accountSID, authToken)
	tab.do(t, "visit the API with credentials in the URL", chromedp.Navigate(withCredentials.String()+"/v1/TrustProducts"))
	tab.wantText(t, `"code":20003`)
	if n := asked.Load(); n != 0 {
		t.Errorf("the browser asked for credentials %d times, and remembers them", n)
	}
	tab.sendForms(t, base, victim)
	for _, mode := range []string{"cors", "no-cors"} {
		tab.fetchFromAnotherPort(t, base, victim, mode)
	}
	checkOnlyProduct(t, base, victim)
	tab.checkLoopback(t)
}

// TestPagesWithRememberedCredentials: the browser has the credentials nevertheless, and adds them to every request. Requests
// of forms and of scripts without CORS must be refused.
func TestPagesWithRememberedCredentials(t *testing.T) {
	base := startServer(t)
	victim := createProduct(t, base)
	tab := openTab(t)
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(accountSID, authToken)
	_, err := chromedp.Call(tab.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Authorization": r.Header.Get("Authorization")},
	})
	if err != nil {
		t.Fatal(err)
	}
	tab.do(t, "visit the API", chromedp.Navigate(base.String()+"/v1/TrustProducts"))
	tab.wantText(t, victim.SID) // so the credentials are added
	tab.sendForms(t, base, victim)
	tab.fetchFromAnotherPort(t, base, victim, "no-cors")
	checkOnlyProduct(t, base, victim)
	tab.checkLoopback(t)
}

// typeCredentials enters the credentials whenever the browser asks for them, as a person would, and counts how often it asks.
func (tab *tab) typeCredentials(t *testing.T) *atomic.Int64 {
	t.Helper()
	asked := new(atomic.Int64)
	err := chromedp.Listen(tab.ctx, func(event any) {
		switch e := event.(type) { // in the background: this is called for one event at a time
		case *fetch.EventRequestPaused:
			go func() {
				_, _ = chromedp.Call(tab.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
			}()
		case *fetch.EventAuthRequired:
			asked.Add(1)
			go func() {
				_, _ = chromedp.Call(tab.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{
					RequestID: e.RequestID, AuthChallengeResponse: &fetch.AuthChallengeResponse{
						Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: accountSID, Password: authToken,
					},
				})
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tab.ctx, fetch.Enable, fetch.EnableParams{HandleAuthRequests: new(true)}); err != nil {
		t.Fatal(err)
	}
	return asked
}

// sendForms sends two forms from a page of another site, a create and an update. Both must be refused.
func (tab *tab) sendForms(t *testing.T, base *url.URL, victim product) {
	t.Helper()
	fields, err := url.ParseQuery(forged)
	if err != nil {
		t.Fatal(err)
	}
	for what, action := range map[string]string{"creates": "/v1/TrustProducts", "changes": "/v1/TrustProducts/" + victim.SID} {
		var form strings.Builder
		fmt.Fprintf(&form, "<form method=post action=%q>", base.String()+action)
		for name := range fields {
			fmt.Fprintf(&form, "<input type=hidden name=%q value=%q>", name, fields.Get(name))
		}
		page := servePage(t, "127.0.0.2:0", form.String()+"<button>You have won</button></form>")
		tab.do(t, "open a page of another site", chromedp.Navigate(page))
		tab.do(t, "send its form, which "+what, chromedp.Click("button"), chromedp.WaitVisible("pre"))
		tab.wantText(t, `"code":20403`)
	}
}

// fetchFromAnotherPort sends requests with the browser's credentials from a script on another port of the same host, which
// browsers treat as the same site.
func (tab *tab) fetchFromAnotherPort(t *testing.T, base *url.URL, victim product, mode string) {
	t.Helper()
	tab.do(t, "open a page of another port", chromedp.Navigate(servePage(t, "127.0.0.1:0", "Another port")))
	for _, path := range []string{"/v1/TrustProducts", "/v1/TrustProducts/" + victim.SID} {
		script := fmt.Sprintf(`fetch(%q, {method: "POST", credentials: "include", mode: %q, body: new URLSearchParams(%q)}).
			then((answer) => "answered", (failure) => "failed")`, base.String()+path, mode, forged)
		outcome, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		// With credentials, a script in mode cors may not read the response, but the request arrives.
		if want := map[string]string{"no-cors": "answered", "cors": "failed"}[mode]; outcome != want {
			t.Errorf("the %s request of a script %s, want %s", mode, outcome, want)
		}
	}
}

// wantText fails unless the page contains a text.
func (tab *tab) wantText(t *testing.T, want string) {
	t.Helper()
	text, err := chromedp.Run(tab.ctx, chromedp.TextContent("body"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, want) {
		t.Errorf("the page does not have %s: %s", want, text)
	}
}

// servePage serves an HTML page at an address until the test ends, and returns its URL.
func servePage(t *testing.T, address, body string) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!DOCTYPE html><link rel=icon href='data:,'><title>A page</title>" + body))
		}),
	}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// product has the fields of a Trust Product that the tests use.
type product struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
}

// createProduct creates a product as a program does.
func createProduct(t *testing.T, base *url.URL) product {
	t.Helper()
	var created product
	callAPI(t, base, http.MethodPost, strings.Replace(forged, "Forged", "Mine", 1), http.StatusCreated, &created)
	return created
}

// checkOnlyProduct fails unless the account has only that product, unchanged.
func checkOnlyProduct(t *testing.T, base *url.URL, want product) {
	t.Helper()
	var list struct{ Results []product }
	callAPI(t, base, http.MethodGet, "", http.StatusOK, &list)
	if len(list.Results) != 1 || list.Results[0] != want {
		t.Errorf("the account has %+v, want only %+v", list.Results, want)
	}
}

func callAPI(t *testing.T, base *url.URL, method, form string, status int, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, base.String()+"/v1/TrustProducts", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(accountSID, authToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != status {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
}
