package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// A browser that was once asked for credentials (WWW-Authenticate) remembers them and adds them to requests that pages of other
// sites make. CORS keeps such a page from reading the response, but the request has been executed. So a browser is never asked,
// and requests that no script with credentials of its own would send are refused.

// looksLikeBrowser reports whether a request may come from a browser. Browsers send Sec-Fetch headers only over https and to
// loopback; elsewhere they are recognized by their User-Agent, or because they accept HTML.
func looksLikeBrowser(header http.Header) bool {
	for name := range header {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return strings.Contains(header.Get("User-Agent"), "Mozilla/") ||
		strings.Contains(strings.ToLower(strings.Join(header.Values("Accept"), ",")), "text/html")
}

// refuseForged refuses requests from forms and from scripts in no-cors mode. A page of any site can make them, and they cannot
// set an Authorization header: their credentials are those that the browser remembers. Programs do not send Sec-Fetch-Mode.
func refuseForged(c echo.Context) error {
	switch c.Request().Header.Get("Sec-Fetch-Mode") {
	case "navigate", "no-cors":
		return NewError(CodeForbidden, "", nil)
	}
	return nil
}

// isSafe reports whether a method only reads.
func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }
