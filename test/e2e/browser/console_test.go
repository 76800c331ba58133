package browser

import (
	"context"
	"encoding/json"
	"io"
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
	// ids are of the newest callback, which could not be delivered, and of the newest e-mail.
	callback, email string
	key             string // the SID of the account's API key
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
	c := console{URL: base, login: ready.ConsoleURL, sids: ready.SIDs}
	c.fail(t)
	var key struct{ SID string }
	c.call(t, http.MethodPost, "/operator/v1/accounts/"+testAccountSID+"/keys", `{"friendly_name": "nightly tests"}`, &key)
	c.key = key.SID
	return c
}

// fail submits a product whose callbacks cannot be delivered, and lets the days pass in which they are tried again.
func (c *console) fail(t *testing.T) {
	t.Helper()
	sid := c.create(t, "Foxtrot Foods", "StatusCallback=http%3A%2F%2F127.0.0.1%3A1%2Fstatus")
	c.call(t, http.MethodPost, "/v1/TrustProducts/"+sid, "Status=pending-review", nil)
	c.call(t, http.MethodPost, "/operator/v1/test/clock/advance", `{"seconds": 300000}`, nil)
	var dead struct{ Deliveries []struct{ ID string } }
	c.call(t, http.MethodGet, "/operator/v1/deliveries?state=dead", "", &dead)
	var messages struct{ Messages []struct{ ID string } }
	c.call(t, http.MethodGet, "/operator/v1/messages", "", &messages)
	if len(dead.Deliveries) != 1 || len(messages.Messages) != 1 {
		t.Fatalf("there are %+v and %+v, want one of each", dead, messages)
	}
	c.callback, c.email = dead.Deliveries[0].ID, messages.Messages[0].ID
}

// create creates a product and returns its SID. fields are more of its form.
func (c console) create(t *testing.T, name, fields string) string {
	t.Helper()
	var created struct{ SID string }
	form := url.Values{"FriendlyName": {name}, "Email": {"a@foxtrot.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"}}
	c.call(t, http.MethodPost, "/v1/TrustProducts", form.Encode()+"&"+fields, &created)
	return created.SID
}

// at returns the URL of a page.
func (c console) at(path string) string { return c.String() + "/console/" + path }

// call sends a request to the API of customers, with a form, or to that of operators, with JSON. into takes the response unless it
// is nil.
func (c console) call(t *testing.T, method, path, body string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stepPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "/operator/") {
		r.Header.Set("Authorization", "Bearer "+testToken)
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.SetBasicAuth(testAccountSID, testToken)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	content, err := io.ReadAll(response.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: status %d, %v: %s", method, path, response.StatusCode, err, content)
	}
}

// pageOfConsole is a page with the heading that it has on a server of startConsole.
type pageOfConsole struct{ name, path, heading string }

// pages returns all pages that can be had with a session. Add new ones here: they are checked for accessibility, and photographed.
func (c console) pages() []pageOfConsole {
	return []pageOfConsole{
		{"start", "", "Start"},
		{"bundles", "bundles", "Bundles"},
		{"bundle", "bundles/" + c.sids["bolt-voice"], "Bolt Ltd. Voice"},
		{"reviews", "reviews", "Reviews"},
		{"deliveries", "deliveries", "Deliveries"},
		{"delivery", "deliveries/" + c.callback, "Delivery"},
		{"replay", "deliveries/replay?state=dead", "Replay deliveries"},
		{"messages", "messages", "Messages"},
		{"message", "messages/" + c.email, "Trust Product “Foxtrot Foods” is waiting for review"},
		{"requests", "requests", "Requests"},
		{"policies", "policies", "Policies"},
		{"policy", "policies/RNb0d4771c2c98518d916a3d4cd70a8f8b", "A2P Messaging: Local - Business"},
		{"accounts", "accounts", "Accounts"},
		{"keys", "accounts/" + testAccountSID + "/keys", "API keys"},
		{"key", "accounts/" + testAccountSID + "/keys/" + c.key, "Remove an API key"},
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
	if response == nil || response.Status != status {
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
