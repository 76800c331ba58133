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

// Fault does something to a request instead of, or around, what the API does with it, which is next. The ones that this
// package has can be taken as they are; a test may write its own.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// faults wait for requests.
type faults struct {
	mu   sync.Mutex
	next []Fault
}

// Inject has the fault befall the next n requests to the API, after those that an earlier Inject is for. Preflight requests
// do not count, and neither does what is outside of /v1/.
//
// Go's own HTTP client sends a request again by itself where a kept connection was dropped before an answer and the request
// is a GET or carries an Idempotency-Key. That counts as another request.
func (s *Server) Inject(n int, fault Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for range n {
		s.faults.next = append(s.faults.next, fault)
	}
}

// Injected returns how many faults still wait for a request.
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

// TooManyRequests answers 429, code 20429, and does nothing else. Above 0, retryAfter is sent in whole seconds.
func TooManyRequests(retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter > 0 {
			w.Header().Set("Retry-After", retryafter.Format(retryAfter))
		}
		refuse(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
	}
}

// InternalError answers 500, code 20500, and does nothing else.
func InternalError() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, http.StatusInternalServerError, 20500, "An internal error occurred")
	}
}

// HTMLUnavailable answers 503 with an HTML page, as a load balancer does whose service is away.
func HTMLUnavailable() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<html><body><h1>503 Service Unavailable</h1></body></html>\n")
	}
}

// DropConnection closes the connection without an answer, and does nothing else.
func DropConnection() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// DropAnswer does what was asked for and closes the connection instead of answering: the caller cannot know.
func DropAnswer() Fault {
	return func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&nowhere{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
}

// Delay holds a request back before anything is done with it. It waits in real time, which the caller lives in, and gives up
// when the caller goes away or the test ends; then nothing is done.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		// The server notices that a caller has gone only while it has nothing of the body left to read.
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
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	w.Header().Set("Twilio-Request-Id", "RQ"+hex.EncodeToString(id[:]))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(gen.Error{
		Code: code, Message: message, MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), Status: status,
	})
}

// nowhere is a ResponseWriter whose answer nobody gets.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
