package browser

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// console is a server in test mode whose console is tested.
type console struct {
	*url.URL

	login string            // works once
	sids  map[string]string // of what testdata/console.yaml has, by keys
	token string            // of the account
}

// What `serve --test` always has.
const (
	testAccountSID = "AC7e577e577e577e577e577e577e577e57"
	testToken      = "testtoken"
)

// startConsole runs a server until the test ends, on which people review.
func startConsole(t *testing.T) console {
	t.Helper()
	server := programtest.Start(t, programtest.Command{
		Path: program, Args: []string{"serve", "--test", "--review", "manual", "--seed", "testdata/console.yaml"},
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", server.Stderr())
		}
	})
	line, err := server.Await(regexp.MustCompile(`(?m)^\{.*\}$`), 1)
	if err != nil {
		t.Fatal(err)
	}
	var ready struct {
		BaseURL    string `json:"base_url"`
		ConsoleURL string `json:"console_url"`
		SIDs       map[string]string
	}
	if err := json.Unmarshal([]byte(line[0]), &ready); err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(ready.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return console{base, ready.ConsoleURL, ready.SIDs, testToken}
}

// at returns the URL of a page.
func (c console) at(path string) string { return c.String() + "/console/" + path }

// call sends a form to the API of customers and returns the SID in the response.
func (c console) call(t *testing.T, path, form string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.String()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(testAccountSID, c.token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	var body struct{ SID string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return body.SID
}

// pageOfConsole is a page with the heading that it has on a server of startConsole.
type pageOfConsole struct{ name, path, heading string }

// pages returns all pages that can be had with a session. Add new ones here: they are checked for accessibility, and photographed.
func (c console) pages() []pageOfConsole {
	return []pageOfConsole{
		{"start", "", "Start"},
		{"bundles", "bundles", "Bundles"},
		{"bundle", "bundles/" + c.sids["bolt-voice"], "Bolt Ltd. Voice"},
		{"policies", "policies", "Policies"},
		{"policy", "policies/RNb0d4771c2c98518d916a3d4cd70a8f8b", "A2P Messaging: Local - Business"},
		{"accounts", "accounts", "Accounts"},
		{"clock-and-faults", "test", "Clock and faults"},
		{"not-found", "nope", "Not found"},
	}
}

// logIn opens a link and presses the button that uses it.
func (tab *tab) logIn(t *testing.T, link string) {
	t.Helper()
	tab.load(t, "open the link", http.StatusOK, chromedp.Navigate(link))
	tab.load(t, "log in", http.StatusOK, chromedp.Click("main form button"))
	tab.wantHeading(t, "Start")
}

// load runs steps that open a page, which must have a status.
func (tab *tab) load(t *testing.T, what string, status int64, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepPatience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		t.Fatalf("%s: %v\nthe browser reports: %s", what, err, strings.Join(tab.noted(), "\n"))
	}
	if response == nil || int64(response.Status) != status {
		t.Fatalf("%s: %+v, want status %d", what, response, status)
	}
}

// wantHeading fails unless the page has this heading.
func (tab *tab) wantHeading(t *testing.T, want string) {
	t.Helper()
	if got := evaluate[string](t, tab, `document.querySelector("h1").textContent`); got != want {
		t.Fatalf("the page is %q, want %q", got, want)
	}
}

// evaluate returns the value of an expression in the page, also if the page may not run scripts.
func evaluate[T any](t *testing.T, tab *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepPatience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("evaluate %.100s: %v", expression, err)
	}
	return value
}

// forbidScripts has pages run no scripts.
func (tab *tab) forbidScripts(t *testing.T) {
	t.Helper()
	_, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	if err != nil {
		t.Fatal(err)
	}
}

// wantQuiet fails if the browser reported a policy violation or another error, or sent a request to another origin.
func (tab *tab) wantQuiet(t *testing.T, c console) {
	t.Helper()
	for _, complaint := range tab.noted() {
		t.Errorf("the browser reports: %s", complaint)
	}
	tab.checkLoopback(t)
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, address := range tab.requests {
		if !strings.HasPrefix(address, c.String()+"/") {
			t.Errorf("a request to %.200s", address)
		}
	}
}
