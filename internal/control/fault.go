package control

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// The limits of a fault.
const (
	MaxDelay   = time.Hour
	maxMessage = 1000    // bytes
	maxBody    = 1 << 20 // of a request that is delayed
)

// Drop says when a connection is closed instead of responding.
type Drop string

// The two moments.
const (
	DropBefore Drop = "before" // nothing is done
	DropAfter  Drop = "after"  // the request is performed, so the caller cannot know the result
)

// Fault is what happens to a request. After the delay, the response is made up, or the connection is dropped, or the request is
// performed as usual.
type Fault struct {
	// Delay is in real time, because the caller's timeouts are. If the caller disconnects first, nothing is done.
	Delay time.Duration

	Status     int           // of a response that is made up, from 400 to 599; nothing is done
	Code       int           // of that response; 0 means the API's for the status
	Message    string        // of that response; empty means the text of the status
	RetryAfter time.Duration // of that response, in whole seconds; 0 means none
	HTML       bool          // the response is an HTML page without code and message, as that of a load balancer

	Drop Drop // empty means that the connection is kept
}

// validate returns an error that names what is wrong.
func (f Fault) validate() error {
	made := f.Code != 0 || f.Message != "" || f.RetryAfter != 0
	switch {
	case f == Fault{}:
		return errors.New("a fault needs a status, a delay or a drop")
	case f.Delay < 0 || f.Delay > MaxDelay:
		return errors.New("delay must be between 0 and 1 hour")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be between 400 and 599")
	case f.Status == 0 && made:
		return errors.New("code, message and retry_after need a status")
	case f.Status == 0 && f.HTML:
		return errors.New("an HTML page needs a status")
	case f.Code < 0 || f.Code > 99999:
		return errors.New("code must be between 1 and 99999")
	case len(f.Message) > maxMessage:
		return errors.New("message is too long")
	case f.RetryAfter < 0:
		return errors.New("retry_after must not be negative")
	case f.HTML && (f.Code != 0 || f.Message != ""):
		return errors.New("an HTML page has no code and no message")
	case f.Drop != "" && f.Drop != DropBefore && f.Drop != DropAfter:
		return errors.New("drop must be before or after")
	case f.Drop != "" && f.Status != 0:
		return errors.New("a fault has either a status or a drop")
	}
	return nil
}

// Handle applies the fault to a request.
func (f Fault) Handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if f.Delay > 0 {
		delay(w, r, f.Delay)
	}
	switch {
	case f.Drop == DropAfter:
		next.ServeHTTP(&nowhere{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case f.Drop == DropBefore:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		f.respond(w)
	default:
		next.ServeHTTP(w, r)
	}
}

// delay waits, or aborts the request if its caller disconnects.
func delay(w http.ResponseWriter, r *http.Request, d time.Duration) {
	// net/http notices that a caller has disconnected only once the body has been read.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// respond writes the response that is made up, in the form of the API's errors unless it is HTML.
func (f Fault) respond(w http.ResponseWriter) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", retryafter.Format(f.RetryAfter))
	}
	text := http.StatusText(f.Status)
	if f.HTML {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, "<html><body><h1>"+strconv.Itoa(f.Status)+" "+text+"</h1></body></html>\n")
		return
	}
	if f.Message != "" {
		text = f.Message
	}
	code := f.Code
	if code == 0 {
		code = codeOf(f.Status)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never returns an error
	w.Header().Set("Twilio-Request-Id", "RQ"+hex.EncodeToString(id[:]))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(gen.Error{
		Code: code, Message: text, MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), Status: f.Status,
	})
}

// codeOf returns the code that the API has for a status, or one like it.
func codeOf(status int) int {
	for _, info := range api.Codes() {
		if info.Status == status {
			return int(info.Code)
		}
	}
	return 20000 + status
}

// nowhere is a ResponseWriter that discards the response.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
