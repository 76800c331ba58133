package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// The kinds of *Error that programs treat on their own, for errors.Is. They follow the HTTP status, so that they also know
// the answers of a proxy. For all others, take the *Error with errors.AsType and look at its Code.
const (
	ErrUnauthorized sentinelError = "trusthub: unauthorized"      // status 401: no such account or API key, or another token
	ErrNotFound     sentinelError = "trusthub: not found"         // status 404: this account has no such resource
	ErrConflict     sentinelError = "trusthub: conflict"          // status 409: for example, a key was used for another request
	ErrRateLimited  sentinelError = "trusthub: too many requests" // status 429, after the retries
)

// ErrSignature is ParseCallback's error for a callback that the account's service has not signed. Answer it with status 403.
const ErrSignature sentinelError = "client: the callback's signature is not valid"

// sentinelError makes constants of errors that others compare with, which nobody can then assign to.
type sentinelError string

func (e sentinelError) Error() string { return string(e) }

// Error is an answer that is not the one the contract names for success: every failure that the API tells of.
type Error struct {
	Status     int           // the HTTP status
	Code       int           // Twilio's error code, for example 20404; 0 if the answer was not the API's but, say, a proxy's
	Message    string        // what is wrong, in a sentence: at most 500 characters, none of them a control character
	MoreInfo   string        // a URL that explains the code
	RequestID  string        // names the request in the server's log
	RetryAfter time.Duration // how long the server asks to wait, in whole seconds or until a date; 0 if it does not
}

// Error says what was answered, with the code and the request id.
func (e *Error) Error() string {
	s := fmt.Sprintf("trusthub: HTTP %d", e.Status)
	if e.Code != 0 {
		s += fmt.Sprintf(", error %d", e.Code)
	}
	s += ": " + e.Message
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Is makes errors.Is(err, ErrNotFound) and its like work.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusNotFound:
		return target == ErrNotFound
	case http.StatusConflict:
		return target == ErrConflict
	case http.StatusTooManyRequests:
		return target == ErrRateLimited
	}
	return false
}

// newError reads an answer that is not 2xx. The body is what could be read of it.
func newError(response *http.Response, body []byte, now time.Time) *Error {
	failure := &Error{
		Status:    response.StatusCode,
		Message:   http.StatusText(response.StatusCode),
		RequestID: requestID(response),
	}
	failure.RetryAfter, _ = retryAfter(response.Header, now)
	var said gen.Error
	if json.Unmarshal(body, &said) == nil && said.Message != "" {
		failure.Code, failure.Message, failure.MoreInfo = said.Code, plain(said.Message), plain(said.MoreInfo)
	}
	return failure
}

func requestID(response *http.Response) string {
	return plain(response.Header.Get("Twilio-Request-Id"))
}

// maxText is how many characters are kept of a text that a server sends for people to read.
const maxText = 500

// plain makes such a text safe to print: what a terminal could take for a command, or what is not visible, becomes a space.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	length := 0
	for end := range text {
		if length++; length > maxText {
			return text[:end]
		}
	}
	return text
}

// maxRetryAfter is the longest wait that an Error reports. Nobody waits that long.
const maxRetryAfter = 365 * 24 * time.Hour

// retryAfter returns how long the header of that name asks to wait, and reports whether there is a valid one.
func retryAfter(header http.Header, now time.Time) (wait time.Duration, ok bool) {
	return retryafter.Parse(header.Get("Retry-After"), now, maxRetryAfter)
}
