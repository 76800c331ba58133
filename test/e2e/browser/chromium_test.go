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

// How long the browser may take: a test needs a few seconds, and many times that on a busy machine.
const (
	patience     = 3 * time.Minute
	stepPatience = time.Minute
)

// reboundName is a name that the browser resolves to this machine, as a foreign site can have its own resolve.
const reboundName = "rebound.example"

// tab is a page of a chromium with an empty profile, with the requests and complaints that the browser has reported.
type tab struct {
	ctx context.Context

	mu         sync.Mutex
	requests   []string // the URLs that the page requested
	complaints []string // the browser's errors: failed loads, policy violations, exceptions
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
		chromedp.Flag("host-resolver-rules", "MAP "+reboundName+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE 127.0.0.2"),
		chromedp.UserDataDir(folder),
		chromedp.Env("TMPDIR=" + folder),
		chromedp.WindowSize(1280, 1600),
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // chromium refuses to run as root with a sandbox
	}
	return options
}

// emptyFolder is used instead of t.TempDir, whose removal fails the test if a process of the browser is still writing there
// while it ends.
func emptyFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// note records an event. It is called for each event, in order.
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

// do runs actions on the page.
func (tab *tab) do(t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, stepPatience)
	defer cancel()
	err := chromedp.Do(ctx, steps...)
	tab.keep(t, what)
	if err != nil {
		t.Fatalf("%s: %v\nthe browser reports: %s", what, err, strings.Join(tab.noted(), "\n"))
	}
}

// keep writes a screenshot to the folder in TRUSTHUB_SCREENSHOTS, if that is set.
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

// checkLoopback fails if the page tried to send a request to another machine.
func (tab *tab) checkLoopback(t *testing.T) {
	t.Helper()
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if len(tab.requests) == 0 {
		t.Error("no requests were recorded: the test does not work")
	}
	for _, address := range tab.requests {
		if !staysHere(address) {
			t.Errorf("the page requested %.200s", address)
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
