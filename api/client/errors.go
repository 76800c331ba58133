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

// The kinds of *Error to test for with errors.Is. They depend on the HTTP status alone, so they also match the responses of a
// proxy. For other kinds, get the *Error with errors.AsType and look at its Code.
const (
	ErrUnauthorized sentinelError = "trusthub: unauthorized"      // status 401: unknown account or API key, or wrong token
	ErrNotFound     sentinelError = "trusthub: not found"         // status 404: the account has no such resource
	ErrConflict     sentinelError = "trusthub: conflict"          // status 409: for example, a key used for another request
	ErrRateLimited  sentinelError = "trusthub: too many requests" // status 429, after the retries
)

// ErrSignature is returned by ParseCallback for a callback whose signature is missing or invalid. Respond with status 403.
const ErrSignature sentinelError = "client: invalid callback signature"

// sentinelError is an error that can be a constant, which cannot be assigned to.
type sentinelError string

func (e sentinelError) Error() string { return string(e) }

// Error is a response other than the one that the contract documents for success.
type Error struct {
	Status     int           // the HTTP status
	Code       int           // Twilio's error code, for example 20404; 0 if the response is not the API's but, say, a proxy's
	Message    string        // what went wrong: at most 500 characters, none of them a control character
	MoreInfo   string        // a URL that explains the code
	RequestID  string        // identifies the request in the server's log
	RetryAfter time.Duration // how long the server asks the client to wait, from seconds or a date; 0 if it does not
}

// Error returns the status, code, message and request id.
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

// Is reports whether target is the sentinel error of e's status, for errors.Is.
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

// newError returns the error for a response that is not 2xx. The body is as much as could be read.
func newError(response *http.Response, body []byte, now time.Time) *Error {
	failure := &Error{
		Status:    response.StatusCode,
		Message:   http.StatusText(response.StatusCode),
		RequestID: requestID(response),
	}
	failure.RetryAfter, _ = retryAfter(response.Header, now)
	var reported gen.Error
	if json.Unmarshal(body, &reported) == nil && reported.Message != "" {
		failure.Code, failure.Message, failure.MoreInfo = reported.Code, plain(reported.Message), plain(reported.MoreInfo)
	}
	return failure
}

func requestID(response *http.Response) string {
	return plain(response.Header.Get("Twilio-Request-Id"))
}

// maxText is the number of characters kept of a server's text for people to read.
const maxText = 500

// plain makes such a text safe to print: control and invisible characters, which a terminal might interpret, become spaces.
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

// maxRetryAfter is the longest wait that an Error reports.
const maxRetryAfter = 365 * 24 * time.Hour

// retryAfter returns the wait that the Retry-After header asks for, and reports whether the header is valid.
func retryAfter(header http.Header, now time.Time) (wait time.Duration, ok bool) {
	return retryafter.Parse(header.Get("Retry-After"), now, maxRetryAfter)
}
