package client

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswerBytes bounds what is read of an answer. A Trust Product takes a kilobyte or two, and a page holds up to 1,000.
const maxAnswerBytes = 16 << 20

const errTooLong sentinelError = "client: the answer is longer than 16 MiB"

// sender makes one attempt.
type sender struct {
	httpClient *http.Client
	// Header values, made once and shared by all requests; nobody writes to them.
	authorization, accept, userAgent []string
}

// outcome is how an attempt ended.
type outcome struct {
	response   *http.Response // a 2xx, with its body read; nil where err is not
	err        error
	status     int // 0 where there was no answer
	requestID  string
	retryAfter time.Duration
	asked      bool   // whether there was a Retry-After, which may be of no time at all
	failure    string // which kind of failure it was where there is no status, or an answer that broke off
}

// The kinds of failure that a log tells.
const (
	failureContext   = "the context ended"
	failureNoConn    = "no connection"
	failureLost      = "connection lost"
	failureUnusable  = "unusable answer"
	failurePermanent = "no such host, or a certificate that is not valid"
)

// mayRepeat is the policy of the package comment. harmless is a request that may run twice.
func (o outcome) mayRepeat(harmless bool) bool {
	switch o.failure {
	case failureNoConn:
		return true
	case failureLost:
		return harmless
	case "":
		switch o.status {
		case http.StatusTooManyRequests:
			return true
		case http.StatusServiceUnavailable:
			return o.asked || harmless
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
			return harmless
		}
	}
	return false
}

func (s *sender) send(r *http.Request) outcome {
	r.Header["Authorization"], r.Header["Accept"], r.Header["User-Agent"] = s.authorization, s.accept, s.userAgent
	conn := newConnection()
	response, err := s.httpClient.Do(r.WithContext(httptrace.WithClientTrace(r.Context(), &conn.trace)))
	if err != nil {
		return outcome{err: withoutQuery(err), failure: kind(r, err, conn.neverMade())}
	}
	o := outcome{status: response.StatusCode, requestID: requestID(response)}
	body, err := readAnswer(response)
	if response.StatusCode/100 != 2 {
		now := time.Now()
		o.err = newError(response, body, now)
		o.retryAfter, o.asked = retryAfter(response.Header, now)
		return o
	}
	switch {
	case errors.Is(err, errTooLong):
		o.err, o.failure = err, failureUnusable
	case err != nil:
		o.err, o.failure = fmt.Errorf("client: the answer broke off: %w", err), kind(r, err, false)
	default:
		read := &answer{data: body}
		read.Reset(body)
		response.Body = read
		o.response = response
	}
	return o
}

// kind sorts what is no answer.
func kind(r *http.Request, err error, neverMade bool) string {
	if r.Context().Err() != nil {
		return failureContext
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return failurePermanent
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok && lookup.IsNotFound {
		return failurePermanent
	}
	if neverMade {
		return failureNoConn
	}
	return failureLost
}

// withoutQuery keeps what a list was filtered by, a name or a page token, out of the error.
func withoutQuery(err error) error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		failure.URL, _, _ = strings.Cut(failure.URL, "?")
	}
	return err
}

// connection notes how far an attempt came. A transport that never asks for a connection reports to nobody, and what it does
// is not known.
type connection struct {
	trace        httptrace.ClientTrace
	wanted, made atomic.Bool
}

func newConnection() *connection {
	c := new(connection)
	c.trace.GetConn = func(string) { c.wanted.Store(true) }
	c.trace.GotConn = func(httptrace.GotConnInfo) { c.made.Store(true) }
	return c
}

func (c *connection) neverMade() bool { return c.wanted.Load() && !c.made.Load() }

// readAnswer reads and closes the body. What it read comes back also with an error.
func readAnswer(response *http.Response) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // nothing is lost: what is wanted of it is read

	if length := response.ContentLength; length >= 0 && length <= 64<<10 { // more is not allocated on a promise
		data := make([]byte, length)
		n, err := io.ReadFull(response.Body, data)
		return data[:n], err
	}
	return io.ReadAll(&boundedBody{response.Body, maxAnswerBytes + 1})
}

// boundedBody is a response body that fails, rather than ends, where it is too long.
type boundedBody struct {
	io.Reader
	left int // bytes until it fails
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// answer is the body of a response that has been read already.
type answer struct {
	bytes.Reader
	data []byte
}

// Close does nothing: the connection was given back when the body had been read.
func (a *answer) Close() error { return nil }

// ok takes what a call of the generated client returned, and wants it to be what the contract names for status 200.
func ok[T any](response *http.Response, err error) (*T, error) {
	return decode[T](response, err, http.StatusOK)
}

// created is ok for status 201.
func created[T any](response *http.Response, err error) (*T, error) {
	return decode[T](response, err, http.StatusCreated)
}

// noContent is ok for status 204.
func noContent(response *http.Response, err error) error {
	if err == nil && response.StatusCode != http.StatusNoContent {
		err = unexpected(response)
	}
	return err
}

func decode[T any](response *http.Response, err error, status int) (*T, error) {
	if err != nil {
		return nil, err
	}
	value := new(T)
	body, read := response.Body.(*answer)
	if !read || response.StatusCode != status || !isJSON(response) || json.Unmarshal(body.data, value) != nil {
		return nil, unexpected(response)
	}
	if reflect.ValueOf(value).Elem().IsZero() { // null, {}, or an object of another kind
		return nil, unexpected(response)
	}
	return value, nil
}

func isJSON(response *http.Response) bool {
	return strings.Contains(response.Header.Get("Content-Type"), "json")
}

// unexpected is for a 2xx that another server may have given, a login page for instance.
func unexpected(response *http.Response) *Error {
	return &Error{
		Status: response.StatusCode,
		Message: plain("the answer is not the one that the contract names, its Content-Type is " +
			response.Header.Get("Content-Type")),
		RequestID: requestID(response),
	}
}
