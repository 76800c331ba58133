// Package browser tests the program, as it is shipped, with a real browser, Debian's chromium.
//
// It shows that the API reference at /docs can try an operation on its server and loads nothing from elsewhere, that a script
// of another origin may call the API, preflight included, and read the response, and that no page of another site or port can
// act for someone who has used the API in the same browser.
//
// It shows the same of the console, for someone who is logged in there. Each of its pages works with and without JavaScript and
// by the keyboard alone, follows changes, violates no content security policy, requests nothing from elsewhere, and has no
// serious finding of axe-core, which `npm ci` installs from package-lock.json.
//
// It does not check how pages look, and does not test other browsers. Chromium cannot resolve names and can reach
// only the loopback interface. The package is a separate module so that importers of the main one do not depend on chromedp.
//
// Run it with `go test -race -count=1 ./...`: go test does not notice changes of the main module, and would return a cached
// result. It needs chromium in the PATH, and `npm ci` in this folder.
package browser
