// Package retryafter reads and writes the value of a Retry-After header (RFC 9110, section 10.2.3). It depends on the standard
// library only, because the client uses it too.
//
// It guarantees that a wait is neither negative nor longer than its caller allows, whatever the header says. It does not wait.
package retryafter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Parse returns how long a header asks to wait from now, at most limit (which must not be negative), and reports whether it
// is valid. It is a number of seconds or a date; the wait for a date in the past is 0.
func Parse(header string, now time.Time, limit time.Duration) (wait time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	seconds, err := strconv.ParseUint(header, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // if out of range, seconds is the largest number
		if seconds > uint64(limit/time.Second) { //nolint:gosec // a limit is not negative
			return limit, true
		}
		return time.Duration(seconds) * time.Second, true //nolint:gosec // not above the limit
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), limit), true
}

// Format returns the header for a wait, in seconds, rounded up so that nobody comes too early.
func Format(wait time.Duration) string {
	seconds := wait / time.Second
	if wait%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(int64(seconds), 10)
}
