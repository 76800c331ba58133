package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// A browser that was once asked for credentials, by a WWW-Authenticate header, remembers them and adds them to what pages of
// other sites send here. CORS only keeps such a page from reading the answer; the request has been executed. So a browser is
// never asked, and requests of a kind that no script with credentials of its own sends are refused.

// looksLikeBrowser reports whether a request may come from a browser. Browsers send Sec-Fetch headers over https and to
// loopback only; elsewhere they are known by their name, or by asking for a page.
func looksLikeBrowser(header http.Header) bool {
	for name := range header {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return strings.Contains(header.Get("User-Agent"), "Mozilla/") ||
		strings.Contains(strings.ToLower(strings.Join(header.Values("Accept"), ",")), "text/html")
}

// refuseForged refuses what a form or a script in mode no-cors sends: a page of any site can do that, and neither can set an
// Authorization header, so that the credentials are remembered ones. Programs send no Sec-Fetch-Mode.
func refuseForged(c echo.Context) error {
	switch c.Request().Header.Get("Sec-Fetch-Mode") {
	case "navigate", "no-cors":
		return NewError(CodeForbidden, "", nil)
	}
	return nil
}

// isSafe reports whether a method only reads.
func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }
