// Package browser tests the program, as it is shipped, with a real browser, Debian's chromium.
//
// It shows that the API reference at /docs can try an operation on its server and loads nothing from elsewhere, that a script
// of another origin may call the API, preflight included, and read the response, and that no page of another site or port can
// act for someone who has used the API in the same browser.
//
// It does not check how the reference looks, and does not test other browsers. Chromium cannot resolve names and can reach
// only the loopback interface. The package is a separate module so that importers of the main one do not depend on chromedp.
//
// Run it with `go test -race -count=1 ./...`: go test does not notice changes of the main module, and would return a cached
// result. It needs chromium in the PATH.
package browser
