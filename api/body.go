package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// A request may be answered without its body having been read: for wrong credentials, an unknown path, a body that is too large.
// net/http would then wait for the rest of the body, before it sends the answer and again before it closes the connection, for as
// long as its ReadTimeout. A caller who withholds the body would keep the connection, and a server that shuts down waiting, for
// half a minute. So the answer goes out at once, and the connection is closed soon after.

// lingerTime is how long a body is still read and dropped after the answer. To close the connection under a caller who is sending
// could make it lose the answer: what arrives at a closed connection is answered with a reset. The wait protects a caller that
// sends the rest within that time. Of a body net/http drops 256 KiB at most; where more is left, it closes its writing side, and
// the connection half a second later. A caller that sends for longer than that can lose the answer.
const lingerTime = 500 * time.Millisecond

// closeUnlessRead has the connection closed after the answer unless bodyRead is called.
func closeUnlessRead(c echo.Context) {
	if hasUnreadBody(c.Request()) {
		c.Response().Header().Set(echo.HeaderConnection, "close")
	}
}

// bodyRead says that all of the body has been read.
func bodyRead(c echo.Context) {
	c.Request().Body = http.NoBody
	c.Response().Header().Del(echo.HeaderConnection)
}

// stopReading bounds the wait for a body that was not read.
func stopReading(c echo.Context) {
	if hasUnreadBody(c.Request()) {
		// It fails for writers that are no connection, as those of tests.
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// hasUnreadBody reports whether the connection waits for a body. HTTP/2 has a stream for each request, which ends by itself.
func hasUnreadBody(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody
}
