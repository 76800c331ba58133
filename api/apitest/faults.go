package apitest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// Fault handles a request instead of the API, or wraps it: next is the API. A test may use the faults of this package or its
// own.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// faults is a queue of faults, each for one request.
type faults struct {
	mu   sync.Mutex
	next []Fault
}

// Inject applies the fault to the next n requests to the API, after those of an earlier Inject. Preflight requests and requests
// outside /v1/ do not count.
//
// Go's HTTP client repeats a request by itself if a reused connection was closed before a response and the request is a GET or
// has an Idempotency-Key. That counts as another request.
func (s *Server) Inject(n int, fault Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for range n {
		s.faults.next = append(s.faults.next, fault)
	}
}

// Injected returns how many faults have not been used yet.
func (s *Server) Injected() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return len(s.faults.next)
}

func (f *faults) take(r *http.Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.next) == 0 || r.Method == http.MethodOptions || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return nil
	}
	fault := f.next[0]
	f.next = f.next[1:]
	return fault
}

func (f *faults) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := f.take(r); fault != nil {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// TooManyRequests returns 429, code 20429, and does nothing else. If retryAfter is above 0, the response has a Retry-After in
// whole seconds.
func TooManyRequests(retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", retryafter.Format(retryAfter))
		}
		refuse(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
	}
}

// InternalError returns 500, code 20500, and does nothing else.
func InternalError() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, http.StatusInternalServerError, 20500, "An internal error occurred")
	}
}

// HTMLUnavailable returns 503 with an HTML page, as a load balancer does when its service is down.
func HTMLUnavailable() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html><body><h1>503 Service Unavailable</h1></body></html>\n")
	}
}

// DropConnection closes the connection without a response, and does nothing else.
func DropConnection() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// DropAnswer performs the request and closes the connection instead of responding, so the caller cannot know the result.
func DropAnswer() Fault {
	return func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&nowhere{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}

// Delay waits before it performs the request. It waits in real time, because the caller's timeouts do. If the caller
// disconnects or the test ends first, nothing is done.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		// net/http notices that a caller has disconnected only once the body has been read.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// refuse writes an error as the API does.
func refuse(w http.ResponseWriter, status, code int, message string) {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never returns an error
	w.Header().Set("Twilio-Request-Id", "RQ"+hex.EncodeToString(id[:]))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(gen.Error{
		Code: code, Message: message, MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), Status: status,
	})
}

// nowhere is a ResponseWriter that discards the response.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
