package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestConsole does on each page what it is for, with and without JavaScript. The browser must have nothing to complain about.
func TestConsole(t *testing.T) {
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			c, tab := startConsole(t), openTab(t)
			if !scripts {
				tab.forbidScripts(t)
			}
			tab.logIn(t, c.login)
			for _, p := range c.pages() {
				if p.name != "not-found" { // chromium reports each page with an error
					tab.load(t, "open "+p.name, http.StatusOK, chromedp.Navigate(c.at(p.path)))
					tab.wantHeading(t, p.heading)
				}
			}
			for _, flow := range []func(*testing.T, console){
				tab.start, tab.search, tab.approve, tab.reject, tab.reviewQueue, tab.replay, tab.messages, tab.requestList, tab.policies, tab.addAccount, tab.apiKeys, tab.clock, tab.faults, tab.reset, tab.logOut,
			} {
				flow(t, c)
			}
			tab.wantQuiet(t, c)
		})
	}
}

// open opens a page of the console.
func (tab *tab) open(t *testing.T, c console, path string) {
	t.Helper()
	tab.load(t, "open "+path, http.StatusOK, chromedp.Navigate(c.at(path)))
}

// press clicks a link or a button that opens a page.
func (tab *tab) press(t *testing.T, selector string) {
	t.Helper()
	tab.load(t, "press "+selector, http.StatusOK, chromedp.Click(selector))
}

// wantRows fails unless the table of the page has these names, in any order.
func (tab *tab) wantRows(t *testing.T, want ...string) {
	t.Helper()
	got := evaluate[[]string](t, tab, `[...document.querySelectorAll("table.rows .title")].map((a) => a.textContent)`)
	if len(got) != len(want) {
		t.Errorf("the table has %q, want %q", got, want)
	}
	for _, name := range want {
		if !strings.Contains(strings.Join(got, "\n"), name) {
			t.Errorf("the table has %q, not %q", got, name)
		}
	}
}

// start: the commands have the server's URL, and the newest bundles are links.
func (tab *tab) start(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "")
	tab.wantText(t, "export TRUSTHUB_BASE_URL="+c.String())
	name := evaluate[string](t, tab, `document.querySelector("table.rows .title").textContent`)
	tab.press(t, "table.rows .title")
	tab.wantHeading(t, name)
}

// search finds bundles by a part of the name, and by their status.
func (tab *tab) search(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "bundles")
	tab.do(t, "type a name", chromedp.SendKeys("input[name=q]", "cnam"))
	tab.press(t, ".filter button")
	tab.wantRows(t, "Crane & Sons CNAM", "Echo Records CNAM")
	tab.do(t, "choose a status", chromedp.SetValue("select[name=status]", "twilio-rejected"))
	tab.press(t, ".filter button")
	tab.wantRows(t, "Echo Records CNAM")
	if at := evaluate[string](t, tab, "location.search"); !strings.Contains(at, "q=cnam") || !strings.Contains(at, "status=twilio-rejected") {
		t.Errorf("the filter is not in the URL: %s", at)
	}
	tab.press(t, ".filter a")
	tab.wantText(t, "Delta Travel SHAKEN/STIR")
}

// approve approves a bundle on its page.
func (tab *tab) approve(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "bundles/"+c.sids["bolt-voice"])
	tab.press(t, `form[action$="/approve"] button`)
	tab.wantHeading(t, "Bolt Ltd. Voice")
	tab.wantText(t, "The bundle is approved.")
	tab.wantText(t, "twilio-approved")
}

// reject rejects a bundle on its page, with a code of the list.
func (tab *tab) reject(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "bundles/"+c.sids["crane-cnam"])
	tab.do(t, "choose a code", chromedp.Click("details.step summary"), chromedp.Click(`#reject input[value="18601"]`))
	tab.press(t, "#reject button")
	tab.wantText(t, "twilio-rejected")
	tab.wantText(t, "18601")
}

// reviewQueue takes a bundle into review, from the list of those that wait, and approves it there.
func (tab *tab) reviewQueue(t *testing.T, c console) {
	t.Helper()
	sid := c.create(t, "Golf Courses", "")
	c.call(t, http.MethodPost, "/v1/TrustProducts/"+sid, "Status=pending-review", nil)
	tab.open(t, c, "reviews")
	tab.press(t, "tr#"+sid+` form[action$="/start"] button`)
	tab.wantText(t, "in-review")
	tab.press(t, "tr#"+sid+` form[action$="/approve"] button`)
	if evaluate[bool](t, tab, `document.getElementById("`+sid+`") !== null`) {
		t.Error("the queue still has the bundle")
	}
	tab.open(t, c, "bundles/"+sid)
	tab.wantText(t, "twilio-approved")
}

// replay replays one delivery, and then all that are dead.
func (tab *tab) replay(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "deliveries")
	tab.wantText(t, "http://127.0.0.1:1/status")
	tab.press(t, `a[href="/console/deliveries/`+c.callback+`"]`)
	tab.wantHeading(t, "Delivery")
	tab.open(t, c, "deliveries")
	tab.press(t, `a[href^="/console/deliveries/replay"]`)
	tab.wantText(t, "1 dead delivery matches.")
	tab.press(t, "main form button")
	tab.wantText(t, "The deliveries are queued again.")
	c.call(t, http.MethodPost, "/operator/v1/test/clock/advance", `{"seconds": 300000}`, nil)
	tab.open(t, c, "deliveries")
	tab.press(t, `form[action$="/replay"] button`)
	tab.wantText(t, "The delivery is queued again.")
}

// messages leads from the list of e-mails to one.
func (tab *tab) messages(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "messages")
	tab.do(t, "type an address", chromedp.SendKeys("input[name=to]", "a@foxtrot.example"))
	tab.press(t, ".filter button")
	tab.press(t, `a[href="/console/messages/`+c.email+`"]`)
	tab.wantText(t, "To: <a@foxtrot.example>")
}

// requestList shows what programs requested, and of it what was refused.
func (tab *tab) requestList(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "requests")
	tab.wantText(t, "POST /v1/TrustProducts")
	tab.press(t, `a[href="/console/requests?show=refused"]`)
	tab.wantText(t, "No request matches.")
}

// policies leads from the list to a policy, and from there to its bundles.
func (tab *tab) policies(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "policies")
	tab.press(t, "tr#RNf3db3cd1fe25fcfd3c3ded065c8fea53 a")
	tab.wantHeading(t, "CNAM")
	tab.wantText(t, "cnam_display_name")
	tab.press(t, `a[href^="/console/bundles"][href*="policy="]`)
	tab.wantRows(t, "Crane & Sons CNAM", "Echo Records CNAM")
}

// addAccount adds an account. Its token is on the page, and in no URL.
func (tab *tab) addAccount(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "accounts")
	tab.press(t, `form[action$="/accounts/add"] button`)
	tab.wantHeading(t, "Account added")
	token := evaluate[string](t, tab, `document.querySelectorAll("main dd")[1].textContent`)
	if len(token) < 32 {
		t.Errorf("the token has %d characters", len(token))
	}
	tab.press(t, `a[href="/console/accounts"]`)
	if n := evaluate[int](t, tab, `document.querySelectorAll("table.rows tbody tr").length`); n != 2 {
		t.Errorf("there are %d accounts, want 2", n)
	}
	tab.wantNowhere(t, token)
}

// wantNowhere fails if the page, or the URL of a request so far, has a secret.
func (tab *tab) wantNowhere(t *testing.T, secret string) {
	t.Helper()
	if strings.Contains(evaluate[string](t, tab, "document.documentElement.outerHTML"), secret) {
		t.Error("the list has the secret")
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, address := range tab.requests {
		if strings.Contains(address, secret) {
			t.Error("the secret is in a URL")
		}
	}
}

// apiKeys adds an API key from the list of accounts, which shows its secret once, and removes it again.
func (tab *tab) apiKeys(t *testing.T, c console) {
	t.Helper()
	const list = "/console/accounts/" + testAccountSID + "/keys"
	tab.open(t, c, "accounts")
	tab.press(t, `a[href="`+list+`"]`)
	tab.do(t, "type a name", chromedp.SendKeys("input[name=name]", "smoke test"))
	tab.press(t, `form[action$="/keys/add"] button`)
	tab.wantHeading(t, "API key added")
	key := evaluate[[]string](t, tab, `[...document.querySelectorAll("main dd")].map((dd) => dd.textContent)`)
	if len(key) != 4 || len(key[1]) < 32 {
		t.Fatalf("the page has %d facts", len(key))
	}
	tab.press(t, `main a[href="`+list+`"]`)
	tab.wantText(t, "smoke test")
	tab.wantNowhere(t, key[1])
	tab.press(t, `a[href="`+list+"/"+key[0]+`"]`)
	tab.press(t, `form[action$="/remove"] button`)
	tab.wantText(t, "The API key is removed.")
	if strings.Contains(evaluate[string](t, tab, "document.body.textContent"), key[0]) {
		t.Error("the list has the removed key")
	}
}

// clock freezes the clock, moves it and lets it run.
func (tab *tab) clock(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "test")
	tab.press(t, `form[action$="/test/freeze"] button`)
	tab.wantText(t, "The clock stands still.")
	before := evaluate[float64](t, tab, `Date.parse(document.querySelector("main time").dateTime)`)
	tab.do(t, "type an amount", chromedp.SetValue("input[name=amount]", "3"))
	tab.press(t, `form[action$="/test/advance"] button`)
	after := evaluate[float64](t, tab, `Date.parse(document.querySelector("main time").dateTime)`)
	if hours := (after - before) / 3.6e6; hours < 2.999 || hours > 3.001 {
		t.Errorf("the clock moved by %v hours, want 3", hours)
	}
	tab.press(t, `form[action$="/test/run"] button`)
	tab.wantText(t, "The clock runs.")
	tab.press(t, `form[action$="/test/settle"] button`)
	tab.wantText(t, "All that was due is done.")
}

// faults injects a fault and removes it.
func (tab *tab) faults(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "test")
	tab.do(t, "choose a fault",
		chromedp.SetValue("select[name=operation]", "CreateTrustProduct"), chromedp.SendKeys("input[name=status]", "503"))
	tab.press(t, `form[action$="/test/inject"] button`)
	tab.wantText(t, "POST /v1/TrustProducts")
	tab.press(t, `form[action$="/test/clear"] button`)
	tab.wantText(t, "No faults are left.")
}

// reset needs its box to be checked, and starts again with the seed.
func (tab *tab) reset(t *testing.T, c console) {
	t.Helper()
	c.create(t, "Forged", "")
	tab.open(t, c, "test")
	tab.do(t, "press without the box", chromedp.Click(`form[action$="/test/reset"] button`))
	tab.open(t, c, "bundles")
	tab.wantText(t, "Forged")
	tab.open(t, c, "test")
	tab.do(t, "check the box", chromedp.Click("input[name=confirm]"))
	tab.press(t, `form[action$="/test/reset"] button`)
	tab.wantText(t, "The server has been reset.")
	tab.open(t, c, "bundles")
	tab.wantText(t, "Bolt Ltd. Voice")
	if strings.Contains(evaluate[string](t, tab, "document.body.textContent"), "Forged") {
		t.Error("the reset left what was created since the start")
	}
}

// logOut ends the session.
func (tab *tab) logOut(t *testing.T, c console) {
	t.Helper()
	tab.press(t, ".logout button")
	tab.wantHeading(t, "Log in")
	tab.open(t, c, "bundles")
	tab.wantHeading(t, "Log in")
}

// TestLiveUpdate: a page shows what a program does without being loaded again, and keeps the focus and what has been typed.
func TestLiveUpdate(t *testing.T) {
	c, tab := startConsole(t), openTab(t)
	tab.logIn(t, c.login)
	tab.open(t, c, "bundles")
	tab.do(t, "type into the search", chromedp.SendKeys("input[name=q]", "half a na"))
	evaluate[bool](t, tab, "window.stillThere = true")
	sid := c.create(t, "Hotel", "")
	tab.do(t, "wait for the bundle", chromedp.WaitReady("#"+sid))
	if !evaluate[bool](t, tab, "window.stillThere === true") {
		t.Error("the page was loaded again")
	}
	if got := evaluate[string](t, tab, "document.activeElement.name + ': ' + document.activeElement.value"); got != "q: half a na" {
		t.Errorf("the focus is on %q", got)
	}
	tab.wantQuiet(t, c)
}
