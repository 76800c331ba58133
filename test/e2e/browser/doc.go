// Package browser holds tests only: a real browser, Debian's chromium, uses the program as it is built and shipped.
//
// It guarantees that the API reference at /docs can try an operation on the server that shows it and loads nothing from
// elsewhere, that a script of another origin may call the API and read the answer, preflight included, and that no page of
// another site or port acts for someone who has used the API in the same browser.
//
// It does not judge how the reference looks, and does not test other browsers. Whatever the pages ask for, chromium can
// resolve no name and reach nothing but the loopback interface. It is a module of its own, so that chromedp does not become
// a dependency of whoever imports the main one.
//
// Run it with `go test -race -count=1 ./...`: go test does not see that the main module has changed, and would repeat an old
// result from its cache. It needs chromium in the PATH.
package browser
