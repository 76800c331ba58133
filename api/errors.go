package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/gen"
	operatorserver "github.com/opentrusthub/trusthub/gen/operator/server"
	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// Code is an error code of the API. Each belongs to one HTTP status; see Codes.
type Code int

// The codes that this module returns. They are those of the real service as far as those are public.
const (
	CodeInvalidParameter Code = 20001 // a parameter is missing or invalid
	CodeUnauthenticated  Code = 20003 // no or wrong credentials
	CodeMethodNotAllowed Code = 20004 // unknown method of the resource
	CodeForbidden        Code = 20403 // a form or script of a web page would act with the credentials that a browser remembers
	CodeNotFound         Code = 20404 // unknown path, or unknown resource of this account
	CodeConflict         Code = 20409 // the request contradicts an earlier one
	CodeBodyTooLarge     Code = 20413 // the body exceeds Config.MaxBodyBytes
	CodeTooManyRequests  Code = 20429 // too many requests; nothing was done, try again later
	CodeInternal         Code = 20500 // a defect; the log has the cause
	CodeUnimplemented    Code = 20501 // the operation is in the contract, but not implemented here
	CodeUnavailable      Code = 20503 // a dependency is down; try again
	CodeInvalidState     Code = 70002 // the resource's status does not allow the request
	CodeAlreadyAssigned  Code = 70003 // the object, or the channel endpoint, is assigned already
)

// CodeInfo is a row of the table of codes.
type CodeInfo struct {
	Code    Code
	Status  int    // the HTTP status
	Message string // of an Error without a message of its own; {path} and {method} are replaced by the request's
}

// Codes returns the table of codes, from which every response with status 400 or above is made.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeInvalidParameter, http.StatusBadRequest, "Invalid request"},
		{CodeUnauthenticated, http.StatusUnauthorized, "Authenticate"},
		{
			CodeMethodNotAllowed, http.StatusMethodNotAllowed,
			"The requested resource {path} does not support the attempted HTTP method {method}",
		},
		{
			CodeForbidden, http.StatusForbidden,
			"A web page can call this API only from a script that sends an Authorization header of its own",
		},
		{CodeNotFound, http.StatusNotFound, "The requested resource {path} was not found"},
		{CodeConflict, http.StatusConflict, "The request contradicts an earlier one"},
		{CodeBodyTooLarge, http.StatusRequestEntityTooLarge, "The post body is too large"},
		{CodeTooManyRequests, http.StatusTooManyRequests, "Too Many Requests"},
		{CodeInternal, http.StatusInternalServerError, "An internal error occurred"},
		{CodeUnimplemented, http.StatusNotImplemented, "This server does not implement the operation"},
		{CodeUnavailable, http.StatusServiceUnavailable, "The service is unavailable, try again later"},
		{CodeInvalidState, http.StatusBadRequest, "The resource's status does not allow this request"},
		{CodeAlreadyAssigned, http.StatusConflict, "The object is already assigned"},
	}
}

// ErrUnauthenticated is what Config.Authenticate returns for wrong credentials.
var ErrUnauthenticated = errors.New("wrong credentials")

// Error is a response with status 400 or above. The caller sees its message; its cause is only logged.
type Error struct {
	Code       Code
	Message    string        // empty means that of Codes
	RetryAfter time.Duration // sent as Retry-After if above 0, rounded up to seconds
	cause      error
}

// NewError returns an Error. An empty message means the code's own. The cause may be nil.
func NewError(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// Error returns a text for logs, which includes the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%d %s: %v", e.Code, e.Message, e.cause)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

func (e *Error) info() CodeInfo {
	for _, info := range Codes() {
		if info.Code == e.Code {
			return info
		}
	}
	return CodeInfo{e.Code, http.StatusInternalServerError, "An internal error occurred"}
}

// errorWriter writes every response with status 400 or above.
type errorWriter struct {
	config    Config
	challenge string // of a 401
}

// write writes the response for an error and returns its body. If a response has been started, which cannot be changed any more,
// it does nothing and returns the zero Error.
func (w errorWriter) write(err error, c echo.Context) gen.Error {
	if c.Response().Committed {
		return gen.Error{}
	}
	answer := w.answer(err)
	info := answer.info()
	message := answer.Message
	if message == "" {
		message = strings.NewReplacer("{path}", c.Request().URL.Path, "{method}", c.Request().Method).Replace(info.Message)
	}
	header := c.Response().Header()
	if info.Code == CodeUnauthenticated && !looksLikeBrowser(c.Request().Header) {
		header.Set("WWW-Authenticate", w.challenge)
	}
	if answer.RetryAfter > 0 {
		header.Set("Retry-After", retryafter.Format(answer.RetryAfter))
	}
	body := gen.Error{
		Code:     int(info.Code),
		Message:  message,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(int(info.Code)),
		Status:   info.Status,
	}
	if c.Request().Method == http.MethodHead {
		c.Response().WriteHeader(info.Status)
	} else {
		_ = c.JSON(info.Status, body) // fails only if the caller has closed the connection
	}
	return body
}

// answer returns the Error that the caller sees for an error.
func (w errorWriter) answer(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if mapped := w.config.MapError(err); mapped != nil {
		return mapped
	}
	if value, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return decodingError(value)
	}
	if router, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch router.Code {
		case http.StatusNotFound:
			return NewError(CodeNotFound, "", err)
		case http.StatusMethodNotAllowed:
			return NewError(CodeMethodNotAllowed, "", err)
		case http.StatusBadRequest:
			return NewError(CodeInvalidParameter, "", err)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return NewError(CodeUnavailable, "", err)
	}
	if errors.Is(err, server.ErrUnimplemented) || errors.Is(err, operatorserver.ErrUnimplemented) {
		return NewError(CodeUnimplemented, "", err)
	}
	return NewError(CodeInternal, "", err)
}
