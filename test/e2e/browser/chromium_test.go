package browser

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// How long the browser may take: a test needs a few seconds, on a busy machine many times that.
const (
	patience     = 3 * time.Minute
	stepPatience = time.Minute
)

// tab is a page of a chromium with nothing of the developer's, together with what the browser has noted of it.
type tab struct {
	ctx context.Context

	mu         sync.Mutex
	requests   []string // the URLs that the page asked for
	complaints []string // the browser's own: what failed to load, what a policy forbade, what a script threw
}

// openTab starts a browser that ends with the test.
func openTab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, flags(t)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	one := &tab{ctx: ctx}
	if err := chromedp.Listen(ctx, one.note); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return one
}

func flags(t *testing.T) []chromedp.ExecAllocatorOption {
	t.Helper()
	folder := emptyFolder(t)
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE 127.0.0.2"),
		chromedp.UserDataDir(folder),
		chromedp.Env("TMPDIR=" + folder),
		chromedp.WindowSize(1280, 1600),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // chromium refuses to run as root with it
	}
	return options
}

// emptyFolder is not t.TempDir, whose removal fails the test while a process of the browser, which has been told to end, still
// writes there.
func emptyFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// note is called in order, for each event.
func (tab *tab) note(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.requests = append(tab.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		tab.complaints = append(tab.complaints, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			tab.complaints = append(tab.complaints, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// do lets the page take steps.
func (tab *tab) do(t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepPatience)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	tab.keep(t, what)
	if err != nil {
		t.Fatalf("%s: %v\nthe browser says: %s", what, err, strings.Join(tab.noted(), "\n"))
	}
}

// keep writes a screenshot for people to look at, where TRUSTHUB_SCREENSHOTS names a folder.
func (tab *tab) keep(t *testing.T, name string) {
	t.Helper()
	folder, wanted := os.LookupEnv("TRUSTHUB_SCREENSHOTS")
	if !wanted {
		return
	}
	image, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".png"), image, 0o600)
	}
	if err != nil {
		t.Errorf("keep a screenshot: %v", err)
	}
}

func (tab *tab) noted() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.complaints...)
}

// checkLoopback fails for a request that would have left the machine, had it been possible.
func (tab *tab) checkLoopback(t *testing.T) {
	t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if len(tab.requests) == 0 {
		t.Error("no request was seen: the test does not look")
	}
	for _, address := range tab.requests {
		if !staysHere(address) {
			t.Errorf("the page asked for %.200s", address)
		}
	}
}

func staysHere(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return false
	}
	if parsed.Scheme == "data" || parsed.Scheme == "blob" {
		return true // the content is in the URL, or in the page
	}
	ip, err := netip.ParseAddr(parsed.Hostname())
	return err == nil && ip.IsLoopback()
}
