package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/retryafter"
)

// Code is an error code of the API. Each belongs to one HTTP status; see Codes.
type Code int

// The codes that this module answers, as far as they are public those of the real service.
const (
	CodeInvalidParameter Code = 20001 // a parameter is missing or invalid
	CodeUnauthenticated  Code = 20003 // no or wrong credentials
	CodeMethodNotAllowed Code = 20004 // the resource has no such method
	CodeForbidden        Code = 20403 // a web page's form or script would act for whoever sits before the browser
	CodeNotFound         Code = 20404 // no such path, or no such resource of this account
	CodeConflict         Code = 20409 // the request contradicts an earlier one
	CodeBodyTooLarge     Code = 20413 // the body exceeds Config.MaxBodyBytes
	CodeTooManyRequests  Code = 20429 // the caller has asked too often; nothing was done, try again later
	CodeInternal         Code = 20500 // a defect; the log has the cause
	CodeUnimplemented    Code = 20501 // the operation is in the contract, but not implemented here
	CodeUnavailable      Code = 20503 // something that is needed is down; try again
	CodeInvalidState     Code = 70002 // the resource's status does not allow the request
)

// CodeInfo is a row of the table of codes.
type CodeInfo struct {
	Code    Code
	Status  int    // the HTTP status
	Message string // what an Error without a message of its own says; {path} and {method} stand for the request's
}

// Codes returns the table that every answer with status 400 or above is made from.
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
	}
}

// ErrUnauthenticated is what Config.Authenticate answers for wrong credentials.
var ErrUnauthenticated = errors.New("wrong credentials")

// Error is an answer with status 400 or above. Its message is shown to the caller; its cause goes to the log only.
type Error struct {
	Code       Code
	Message    string        // empty: the one of Codes
	RetryAfter time.Duration // above 0: sent as Retry-After, in whole seconds
	cause      error
}

// NewError returns an Error with the code's status. An empty message stands for the code's own. The cause may be nil.
func NewError(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// Error is for logs: it includes the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%d %s: %v", e.Code, e.Message, e.cause)
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

func (e *Error) info() CodeInfo {
	for _, info := range Codes() {
		if info.Code == e.Code {
			return info
		}
	}
	return CodeInfo{e.Code, http.StatusInternalServerError, "An internal error occurred"}
}

// errorWriter writes every answer with status 400 or above.
type errorWriter struct{ config Config }

// write is echo's error handler. An answer that has begun cannot be changed any more.
func (w errorWriter) write(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	answer := w.answer(err)
	info := answer.info()
	message := answer.Message
	if message == "" {
		message = strings.NewReplacer("{path}", c.Request().URL.Path, "{method}", c.Request().Method).Replace(info.Message)
	}
	header := c.Response().Header()
	if info.Code == CodeUnauthenticated && !looksLikeBrowser(c.Request().Header) {
		header.Set("WWW-Authenticate", `Basic realm="Trust Hub", charset="UTF-8"`)
	}
	if answer.RetryAfter > 0 {
		header.Set("Retry-After", retryafter.Format(answer.RetryAfter))
	}
	if c.Request().Method == http.MethodHead {
		c.Response().WriteHeader(info.Status)
		return
	}
	_ = c.JSON(info.Status, gen.Error{ // fails only when the caller has gone
		Code:     int(info.Code),
		Message:  message,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(int(info.Code)),
		Status:   info.Status,
	})
}

// answer turns any error into the one that the caller sees.
func (w errorWriter) answer(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if mapped := w.config.MapError(err); mapped != nil {
		return mapped
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
	if errors.Is(err, errors.ErrUnsupported) {
		return NewError(CodeUnimplemented, "", err)
	}
	return NewError(CodeInternal, "", err)
}
