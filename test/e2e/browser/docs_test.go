package browser

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The operations' sections in the reference, by Swagger UI's ids.
const (
	create = "#operations-TrustProducts-CreateTrustProduct "
	update = "#operations-TrustProducts-UpdateTrustProduct "
)

// TestTryOperations opens the reference, authorizes, creates a Trust Product on the same server, and submits it.
func TestTryOperations(t *testing.T) {
	base := startServer(t).String()
	tab := openTab(t)

	tab.do(t, "open the reference", chromedp.Navigate(base+"/docs"), chromedp.WaitVisible(create))
	tab.do(t, "authorize",
		chromedp.Click(".btn.authorize"),
		chromedp.SendKeys(".auth-container input[name=username]", accountSID),
		chromedp.SendKeys(".auth-container input[name=password]", authToken),
		chromedp.Click(".auth-btn-wrapper [type=submit]"),
		chromedp.Click(".auth-btn-wrapper .btn-done"),
		chromedp.WaitNotPresent(".auth-container"))

	// The prefilled values must be valid.
	tab.do(t, "open create", open(create))
	key, err := chromedp.Run(tab.ctx, chromedp.Value(create+`tr[data-param-name="Idempotency-Key"] input`))
	if err != nil || key != "" {
		t.Errorf("with the Idempotency-Key %q (%v) every further try would repeat the first", key, err)
	}
	tab.do(t, "create", execute(create))
	created := tab.answer(t, create)
	if created.status != "201" || created.requested != base+"/v1/TrustProducts" || created.URL != created.requested+"/"+created.SID {
		t.Errorf("the page shows %+v", created)
	}

	// Only the status must change: empty fields are not sent.
	sid := update + `tr[data-param-name="Sid"] input`
	status := update + `tr[data-property-name="Status"] select`
	tab.do(t, "open update", open(update), chromedp.SendKeys(sid, created.SID), chromedp.SendKeys(status, "pending-review"))
	tab.do(t, "update", execute(update))
	updated := tab.answer(t, update)
	if updated.status != "200" || updated.requested != created.URL || updated.SID != created.SID || updated.Status == "draft" {
		t.Errorf("the page shows %+v", updated)
	}

	tab.checkLoopback(t)
	for _, complaint := range tab.noted() {
		t.Errorf("the browser reports: %s", complaint)
	}
}

// TestTryOperatorOperations opens the reference of the operator API, authorizes, and adds an account to the same server.
func TestTryOperatorOperations(t *testing.T) {
	const token, add = "an-operators-token", "#operations-Accounts-CreateAccount "
	base := startServer(t, "--operator-token", token).String()
	tab := openTab(t)
	tab.do(t, "open the reference", chromedp.Navigate(base+"/operator/docs"), chromedp.WaitVisible(add))
	tab.do(t, "authorize",
		chromedp.Click(".btn.authorize"),
		chromedp.SendKeys(".auth-container input", token),
		chromedp.Click(".auth-btn-wrapper [type=submit]"),
		chromedp.Click(".auth-btn-wrapper .btn-done"),
		chromedp.WaitNotPresent(".auth-container"))
	tab.do(t, "add an account", open(add), execute(add))
	if added := tab.answer(t, add); added.status != "201" || added.requested != base+"/operator/v1/accounts" {
		t.Errorf("the page shows %+v", added)
	}
	tab.checkLoopback(t)
	for _, complaint := range tab.noted() {
		t.Errorf("the browser reports: %s", complaint)
	}
}

// TestTryWithoutCredentials: the page must show the 401, and the browser must not ask for credentials.
func TestTryWithoutCredentials(t *testing.T) {
	base := startServer(t).String()
	tab := openTab(t)
	asked := tab.typeCredentials(t)
	tab.do(t, "open the reference", chromedp.Navigate(base+"/docs"), chromedp.WaitVisible(create))
	tab.do(t, "create without credentials", open(create), execute(create))
	status, err := chromedp.Run(tab.ctx, chromedp.TextContent(create+liveStatus))
	if err != nil || strings.TrimSpace(status) != "401" || asked.Load() != 0 {
		t.Errorf("the page shows status %q (%v), the browser asked for credentials %d times", status, err, asked.Load())
	}
	tab.checkLoopback(t)
}

func open(operation string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Click(operation+".opblock-summary-control"),
		chromedp.Click(operation+".try-out__btn"),
		chromedp.WaitVisible(operation+".execute"))
}

func execute(operation string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.Click(operation+".execute"),
		chromedp.WaitVisible(operation+liveStatus),
		chromedp.WaitVisible(operation+liveBody))
}

// The part of the page with the response; the table below it has the contract's examples.
const (
	liveStatus = ".live-responses-table tbody .response-col_status"
	liveBody   = ".live-responses-table tbody .response-col_description pre code"
)

// shown is the response that the page shows.
type shown struct {
	status, requested string
	SID, URL, Status  string // of the Trust Product
}

func (tab *tab) answer(t *testing.T, operation string) shown {
	t.Helper()
	var got shown
	var body string
	for selector, into := range map[string]*string{
		liveStatus: &got.status, ".request-url pre": &got.requested, liveBody: &body,
	} {
		text, err := chromedp.Run(tab.ctx, chromedp.TextContent(operation+selector))
		if err != nil {
			t.Fatalf("%s%s: %v", operation, selector, err)
		}
		*into = strings.TrimSpace(text)
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("the page shows the body %s: %v", body, err)
	}
	return got
}
