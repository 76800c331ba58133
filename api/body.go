package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Some requests get a response before their body has been read: those with wrong credentials, an unknown path or a body that is
// too large. net/http would then wait for the rest of the body, both before it sends the response and before it closes the
// connection, for up to its ReadTimeout. A caller that withholds the body could hold a connection, or delay a shutdown, for half
// a minute. So the response is sent at once, and the connection is closed soon after.

// lingerTime is how long a body is still read and dropped after the response. If the connection were closed at once, a caller
// that is still sending could get a reset and lose the response. net/http drops at most 256 KiB of a body; if more is left, it
// closes its writing side, and the connection half a second later. A caller that sends for longer can lose the response.
const lingerTime = 500 * time.Millisecond

// closeUnlessRead closes the connection after the response unless bodyRead is called.
func closeUnlessRead(c echo.Context) {
	if hasUnreadBody(c.Request()) {
		c.Response().Header().Set(echo.HeaderConnection, "close")
	}
}

// bodyRead notes that the whole body has been read.
func bodyRead(c echo.Context) {
	c.Request().Body = http.NoBody
	c.Response().Header().Del(echo.HeaderConnection)
}

// stopReading limits the wait for a body that was not read.
func stopReading(c echo.Context) {
	if hasUnreadBody(c.Request()) {
		// It fails for a writer without a connection, such as a test's.
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// hasUnreadBody reports whether the connection waits for a body. HTTP/2 does not: each request has a stream of its own.
func hasUnreadBody(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody
}
