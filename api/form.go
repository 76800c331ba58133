package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// readBody reads the form of an operation that has one, and leaves in the request only what the contract declares, as the
// parsed form: that is what is validated, and what the generated code binds. Left to itself, the generated code would bind
// URL query parameters too, which no validator holds against the body's schema.
//
// A parameter may be given once. Keys that the contract does not know are dropped, as the real service does.
func (op *operation) readBody(limit int64) step {
	return func(c echo.Context) error {
		r := c.Request()
		if err := op.checkQuery(r.URL.RawQuery); err != nil {
			return err
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, limit))
		if err != nil {
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return NewError(CodeBodyTooLarge, "", err)
			}
			return NewError(CodeInvalidParameter, "The post body could not be read", err)
		}
		if op.form == nil {
			return nil // what an operation without a body is sent is ignored
		}
		if len(body) > 0 && !isForm(r.Header.Get("Content-Type")) {
			return NewError(CodeInvalidParameter, "The Content-Type must be "+formContentType, nil)
		}
		form, err := op.parseForm(string(body))
		if err != nil {
			return err
		}
		r.Form, r.PostForm, r.Body = form, form, http.NoBody
		r.Header.Del("Content-Type") // with multipart, echo would look for a form of its own in the body
		return nil
	}
}

func isForm(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == formContentType
}

// checkQuery refuses a body parameter that was put into the URL, where it would be ignored without a word.
func (op *operation) checkQuery(rawQuery string) error {
	if rawQuery == "" || op.form == nil {
		return nil
	}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err == nil && op.form.Properties[name] != nil && !slices.Contains(op.queryParams, name) {
			return invalid(name, "belongs in the post body, not in the query string")
		}
	}
	return nil
}

// parseForm is url.ParseQuery, but it names the parameter that is wrong.
func (op *operation) parseForm(body string) (url.Values, error) {
	form := make(url.Values, len(op.form.Properties))
	for pair := range strings.SplitSeq(body, "&") {
		key, escaped, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			return nil, NewError(CodeInvalidParameter, "A parameter name in the post body has a broken percent-encoding", err)
		}
		if op.form.Properties[name] == nil {
			continue
		}
		value, err := url.QueryUnescape(escaped)
		switch {
		case err != nil:
			return nil, invalid(name, "has a broken percent-encoding")
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			return nil, invalid(name, "must be UTF-8 text without null characters")
		case form.Has(name):
			return nil, invalid(name, "must be given once")
		}
		form.Set(name, value)
	}
	return form, nil
}
