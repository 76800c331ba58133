package browser

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe is the checker of accessibility, which `npm ci` in this folder installs.
const axe = "node_modules/axe-core/axe.min.js"

// violation is what the checker found, with the elements.
type violation struct{ ID, Impact, Help, Nodes string }

// check returns the findings that matter: serious and critical ones.
const check = `axe.run(document, {preload: false, resultTypes: ["violations"]}).then((found) => found.violations.
	filter((one) => one.impact === "serious" || one.impact === "critical").
	map((one) => ({id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.map((node) => node.html).join("\n").slice(0, 500)})))`

// TestAccessibility checks each page in both colour schemes, and takes the pictures of `make screenshots`. A page without a name of its image shows that the checker works.
func TestAccessibility(t *testing.T) {
	script, err := os.ReadFile(axe)
	if err != nil {
		t.Fatalf("%v: run npm ci in this folder", err)
	}
	c, tab := startConsole(t), openTab(t)
	tab.do(t, "set the size of pictures", chromedp.EmulateViewport(1280, 800))
	find := func() []violation {
		evaluate[bool](t, tab, string(script)+"; true")
		return evaluate[[]violation](t, tab, check)
	}
	tab.load(t, "open a bad page", http.StatusOK, chromedp.Navigate(servePage(t, "127.0.0.1:0", "<img src='data:,'><h1>Bad</h1>")))
	if len(find()) == 0 {
		t.Fatal("the checker finds nothing wrong with an image without a text")
	}
	checkPage := func(name string) {
		for _, scheme := range []string{"light", "dark"} {
			tab.prefer(t, scheme)
			tab.photograph(t, name+"-"+scheme)
			for _, found := range find() {
				t.Errorf("%s, %s: %s %s: %s\n%s", name, scheme, found.Impact, found.ID, found.Help, found.Nodes)
			}
		}
	}
	tab.open(t, c, "login")
	checkPage("login-without-link")
	tab.load(t, "open the link", http.StatusOK, chromedp.Navigate(c.login))
	checkPage("login")
	tab.logIn(t, c.login)
	for _, p := range c.pages() {
		tab.do(t, "open "+p.name, chromedp.Navigate(c.at(p.path)))
		tab.wantHeading(t, p.heading)
		checkPage(p.name)
	}
}

// prefer sets the colour scheme. Pages must not move.
func (tab *tab) prefer(t *testing.T, scheme string) {
	t.Helper()
	_, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}, // or the colours would still be changing
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// focus describes what has the focus, and whether a person sees that.
type focus struct {
	Text    string
	Visible bool
}

const focused = `(() => {
	const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
	return {
		text: one === document.body ? "" : (one.textContent.trim() || one.name || "").split("\n")[0],
		visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.height > 0 && box.bottom > 0,
	};
})()`

// TestKeyboard goes through each page by the Tab key alone: first to the link that skips the navigation, then through the
// navigation, then to each control of the page. What has the focus can be seen.
func TestKeyboard(t *testing.T) {
	c, tab := startConsole(t), openTab(t)
	tab.logIn(t, c.login)
	for _, p := range c.pages() {
		tab.do(t, "open "+p.name, chromedp.Navigate(c.at(p.path)))
		reached := tab.tabThrough(t, p.name)
		want := append([]string{"Skip to the content", "trusthub"}, evaluate[[]string](t, tab,
			`[...document.querySelectorAll("header nav a")].map((a) => a.textContent)`)...)
		if len(reached) < len(want) || !slices.Equal(reached[:len(want)], want) {
			t.Errorf("%s: the focus goes to %q, want first %q", p.name, reached, want)
		}
		// A disclosure that is closed hides its controls.
		for _, button := range evaluate[[]string](t, tab,
			`[...document.querySelectorAll("button")].filter((b) => b.checkVisibility()).map((b) => b.textContent.trim())`) {
			if !slices.Contains(reached, button) {
				t.Errorf("%s: the Tab key does not reach the button %q, only %q", p.name, button, reached)
			}
		}
	}
	tab.open(t, c, "accounts")
	tab.do(t, "skip the navigation", chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if at := evaluate[string](t, tab, "document.activeElement.id"); at != "main" {
		t.Errorf("the link that skips the navigation leads to %q", at)
	}
	tab.do(t, "go to the button", chromedp.KeyEvent(kb.Tab))
	tab.load(t, "press it", http.StatusOK, chromedp.KeyEvent(kb.Enter))
	tab.wantHeading(t, "Account added")
}

// tabThrough presses the Tab key until the focus leaves the page, and returns the texts of what had the focus.
func (tab *tab) tabThrough(t *testing.T, page string) (reached []string) {
	t.Helper()
	const enough = 200
	for range enough {
		tab.do(t, "press Tab", chromedp.KeyEvent(kb.Tab))
		at := evaluate[focus](t, tab, focused)
		if at.Text == "" && evaluate[bool](t, tab, "document.activeElement === document.body") {
			return reached
		}
		if len(reached) > 1 && at.Text == "Skip to the content" { // headless browsers have nothing beside the page
			return reached
		}
		if !at.Visible {
			t.Errorf("%s: the focus on %q cannot be seen", page, at.Text)
		}
		reached = append(reached, at.Text)
	}
	t.Fatalf("%s: more than %d elements have had the focus: %s", page, enough, strings.Join(reached, ", "))
	return nil
}
