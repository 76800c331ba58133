package apitest

import (
	"net/http"
	"time"

	"github.com/opentrusthub/trusthub/internal/control"
)

// Fault handles a request instead of the API, or wraps it: next is the API. A test may use the faults of this package or its
// own.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Inject applies the fault to the next n requests to the API, after those of an earlier Inject. Preflight requests and requests
// outside /v1/ do not count.
//
// Go's HTTP client repeats a request by itself if a reused connection was closed before a response and the request is a GET or
// has an Idempotency-Key. That counts as another request.
func (s *Server) Inject(n int, fault Fault) {
	s.tb.Helper()
	if n <= 0 {
		return
	}
	if err := s.control.Faults.InjectFunc(n, control.Match{}, control.Handle(fault)); err != nil {
		s.tb.Fatalf("apitest: %v", err)
	}
}

// Injected returns how many faults have not been used yet.
func (s *Server) Injected() int { return s.control.Faults.Left() }

// TooManyRequests returns 429, code 20429, and does nothing else. If retryAfter is above 0, the response has a Retry-After in
// whole seconds.
func TooManyRequests(retryAfter time.Duration) Fault {
	return control.Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter}.Handle
}

// InternalError returns 500, code 20500, and does nothing else.
func InternalError() Fault {
	return control.Fault{Status: http.StatusInternalServerError, Message: "An internal error occurred"}.Handle
}

// Unavailable returns 503, code 20503, and does nothing else. If retryAfter is above 0, the response has a Retry-After in whole
// seconds.
func Unavailable(retryAfter time.Duration) Fault {
	return control.Fault{Status: http.StatusServiceUnavailable, RetryAfter: retryAfter}.Handle
}

// HTMLUnavailable returns 503 with an HTML page, as a load balancer does when its service is down.
func HTMLUnavailable() Fault {
	return control.Fault{Status: http.StatusServiceUnavailable, HTML: true}.Handle
}

// DropConnection closes the connection without a response, and does nothing else.
func DropConnection() Fault { return control.Fault{Drop: control.DropBefore}.Handle }

// DropAnswer performs the request and closes the connection instead of responding, so the caller cannot know the result.
func DropAnswer() Fault { return control.Fault{Drop: control.DropAfter}.Handle }

// Delay waits before it performs the request. It waits in real time, because the caller's timeouts do. If the caller
// disconnects or the test ends first, nothing is done.
func Delay(d time.Duration) Fault { return control.Fault{Delay: d}.Handle }
