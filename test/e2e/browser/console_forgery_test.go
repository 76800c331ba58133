package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// forgedAction is a form of the console that another page sends.
type forgedAction struct{ path, form string }

// forgedActions returns an action of each kind that would change something.
func (c console) forgedActions() []forgedAction {
	return []forgedAction{
		{"bundles/" + c.sids["bolt-voice"] + "/approve", ""},
		{"accounts/add", ""},
		{"accounts/" + testAccountSID + "/keys/add", "name=forged"},
		{"test/freeze", ""},
		{"test/reset", "to=empty&confirm=yes"},
	}
}

// checkUnchanged fails if one of the forged actions was done.
func (tab *tab) checkUnchanged(t *testing.T, c console) {
	t.Helper()
	tab.open(t, c, "bundles/"+c.sids["bolt-voice"])
	tab.wantText(t, "pending-review")
	tab.open(t, c, "accounts")
	if n := evaluate[int](t, tab, `document.querySelectorAll("table.rows tbody tr").length`); n != 1 {
		t.Errorf("there are %d accounts, want 1", n)
	}
	tab.open(t, c, "accounts/"+testAccountSID+"/keys")
	if n := evaluate[int](t, tab, `document.querySelectorAll("table.rows tbody tr").length`); n != 1 {
		t.Errorf("there are %d API keys, want 1", n)
	}
	tab.open(t, c, "test")
	tab.wantText(t, "running")
}

// TestForgeryOfTheConsole: a browser with a session sends what pages of another site, of another port and of a rebound name make
// it send. Everything is refused, and the same browser may do it on the console's own page.
func TestForgeryOfTheConsole(t *testing.T) {
	c, tab := startConsole(t), openTab(t)
	tab.logIn(t, c.login)
	for name, address := range map[string]string{"another site": "127.0.0.2:0", "another port": "127.0.0.1:0"} {
		for _, action := range c.forgedActions() {
			var fields strings.Builder
			for field := range strings.SplitSeq(action.form, "&") {
				if key, value, ok := strings.Cut(field, "="); ok {
					fmt.Fprintf(&fields, "<input type=hidden name=%q value=%q>", key, value)
				}
			}
			page := servePage(t, address, fmt.Sprintf("<form method=post action=%q>%s<button>You have won</button></form>", c.at(action.path), &fields))
			tab.load(t, "open "+name, http.StatusOK, chromedp.Navigate(page))
			tab.load(t, "send the form of "+name+" to "+action.path, http.StatusForbidden, chromedp.Click("button"))
			tab.wantHeading(t, "Refused")
			tab.load(t, "open "+name, http.StatusOK, chromedp.Navigate(page))
			tab.sendScript(t, c, action)
		}
	}
	tab.checkUnchanged(t, c)

	rebound := strings.Replace(c.String(), "127.0.0.1", reboundName, 1)
	tab.load(t, "open the rebound name", http.StatusMisdirectedRequest, chromedp.Navigate(rebound+"/console/login"))
	tab.wantHeading(t, "Unknown host")
	for _, action := range c.forgedActions() {
		script := fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams(%q)}).then((answer) => answer.status)`,
			"/console/"+action.path, action.form)
		if status := evaluate[int](t, tab, script); status != http.StatusMisdirectedRequest {
			t.Errorf("the rebound name got status %d for %s", status, action.path)
		}
	}
	tab.checkUnchanged(t, c)

	tab.open(t, c, "test") // the same from the console's own page, or the test shows nothing
	tab.press(t, `form[action$="/test/freeze"] button`)
	tab.wantText(t, "The clock stands still.")
}

// sendScript has the page's script send an action with the browser's cookies, and try to read a page.
func (tab *tab) sendScript(t *testing.T, c console, action forgedAction) {
	t.Helper()
	evaluate[string](t, tab, fmt.Sprintf(`fetch(%q, {method: "POST", credentials: "include", mode: "no-cors", body: new URLSearchParams(%q)}).
		then(() => "answered", () => "failed")`, c.at(action.path), action.form))
	read := evaluate[string](t, tab, fmt.Sprintf(`fetch(%q, {credentials: "include"}).then((answer) => answer.text(), () => "failed")`, c.at("accounts")))
	if read != "failed" {
		t.Errorf("the script read a page: %.100s", read)
	}
}
