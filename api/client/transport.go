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

// maxAnswerBytes bounds how much of a response is read. A Trust Product takes 1 to 2 kB, and a page has up to 1,000 of them.
const maxAnswerBytes = 16 << 20

const errTooLong sentinelError = "client: the response is longer than 16 MiB"

// sender makes one attempt.
type sender struct {
	httpClient *http.Client
	// Header values, shared by all requests and never written to.
	authorization, accept, userAgent []string
}

// outcome is how an attempt ended.
type outcome struct {
	response   *http.Response // a 2xx response whose body has been read; nil if err is not
	err        error
	status     int // 0 without a response
	requestID  string
	retryAfter time.Duration
	hasWait    bool   // whether there was a Retry-After, which may be 0
	failure    string // the kind of failure, if there is no status or the response is incomplete
}

// The kinds of failure, as logged.
const (
	failureContext   = "the context ended"
	failureNoConn    = "no connection"
	failureLost      = "connection lost"
	failureUnusable  = "unusable response"
	failurePermanent = "unknown host or invalid certificate"
)

// mayRepeat implements Retries of the package comment. repeatable means that the request may run twice.
func (o outcome) mayRepeat(repeatable bool) bool {
	switch o.failure {
	case failureNoConn:
		return true
	case failureLost:
		return repeatable
	case "":
		switch o.status {
		case http.StatusTooManyRequests:
			return true
		case http.StatusServiceUnavailable:
			return o.hasWait || repeatable
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
			return repeatable
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
		o.retryAfter, o.hasWait = retryAfter(response.Header, now)
		return o
	}
	switch {
	case errors.Is(err, errTooLong):
		o.err, o.failure = err, failureUnusable
	case err != nil:
		o.err, o.failure = fmt.Errorf("client: incomplete response: %w", err), kind(r, err, false)
	default:
		read := &answer{data: body}
		read.Reset(body)
		response.Body = read
		o.response = response
	}
	return o
}

// kind returns the kind of failure of a request without a complete response.
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

// withoutQuery removes the query from the error: it may have a customer's name or a page token.
func withoutQuery(err error) error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		failure.URL, _, _ = strings.Cut(failure.URL, "?")
	}
	return err
}

// connection records whether an attempt got a connection. A transport that does not support httptrace sets neither field.
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

// readAnswer reads and closes the body. With an error it returns what it has read.
func readAnswer(response *http.Response) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // the body has been read

	if length := response.ContentLength; length >= 0 && length <= 64<<10 { // a larger length may be false
		data := make([]byte, length)
		n, err := io.ReadFull(response.Body, data)
		return data[:n], err
	}
	return io.ReadAll(&boundedBody{response.Body, maxAnswerBytes + 1})
}

// boundedBody is a response body that returns an error, rather than EOF, if it is too long.
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

// answer is a response body that has been read.
type answer struct {
	bytes.Reader
	data []byte
}

// Close does nothing: the connection was released after the body was read.
func (a *answer) Close() error { return nil }

// ok decodes the response of a call to the generated client, whose status must be 200.
func ok[T any](response *http.Response, err error) (*T, error) {
	return decode[T](response, err, http.StatusOK)
}

// created is like ok, for status 201.
func created[T any](response *http.Response, err error) (*T, error) {
	return decode[T](response, err, http.StatusCreated)
}

// noContent is like ok, for status 204, which has no body.
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

// unexpected returns the error for a 2xx response that the contract does not document, such as a proxy's login page.
func unexpected(response *http.Response) *Error {
	return &Error{
		Status: response.StatusCode,
		Message: plain("the response is not the one in the contract; its Content-Type is " +
			response.Header.Get("Content-Type")),
		RequestID: requestID(response),
	}
}
