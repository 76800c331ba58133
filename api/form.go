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

// jsonBody is the name of echo.Context's value with the text of a JSON body.
const jsonBody = "body"

// readBody reads the body of an operation that has one. What the contract declares of a form ends up in Request.PostForm, and
// JSON in the context's jsonBody. It is validated, and then bound by the generated code (see gen/server/strict-echo.tmpl).
//
// A parameter of a form may be given once. Unknown ones are dropped, as the real service does.
func (op *operation) readBody(limit int64) step {
	declared := func(name string) bool { return op.body.Properties[name] != nil }
	return func(c echo.Context) error {
		r := c.Request()
		if err := op.cleanQuery(r.URL); err != nil {
			return err
		}
		if r.Body == http.NoBody && op.body == nil {
			return nil // as most fetches: reading nothing takes memory, too
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, limit))
		if err != nil {
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return NewError(CodeBodyTooLarge, "", err)
			}
			return NewError(CodeInvalidParameter, "The post body cannot be read", err)
		}
		bodyRead(c)
		if op.body == nil {
			return nil // an operation without a body ignores it
		}
		if len(body) > 0 && !hasType(r, op.contentType) {
			return NewError(CodeInvalidParameter, "The Content-Type must be "+op.contentType, nil)
		}
		if op.contentType == jsonContentType {
			c.Set(jsonBody, body)
			return nil
		}
		form, err := parsePairs(string(body), declared)
		if err != nil {
			return err
		}
		r.PostForm = form
		return nil
	}
}

// hasType reports whether a request's body has a media type.
func hasType(r *http.Request, want string) bool {
	contentType := r.Header.Get("Content-Type")
	if contentType == want {
		return true // as most clients send it
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == want
}

// cleanQuery removes from the URL what is not a query parameter of the operation. It refuses a parameter of the body, which would
// otherwise be ignored silently.
func (op *operation) cleanQuery(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	inBody := func(name string) bool { return op.body != nil && op.body.Properties[name] != nil }
	inQuery := func(name string) bool { return slices.Contains(op.queryParams, name) }
	query, err := parsePairs(u.RawQuery, func(name string) bool { return inQuery(name) || inBody(name) })
	if err != nil {
		return err
	}
	for name := range query {
		if !inQuery(name) {
			return invalid(name, "belongs in the post body, not in the query string")
		}
	}
	u.RawQuery = query.Encode()
	return nil
}

// parsePairs does what url.ParseQuery does, but only for declared names, and its errors name the invalid parameter.
func parsePairs(text string, declared func(name string) bool) (url.Values, error) {
	values := url.Values{}
	all := make([]string, 0, min(1+strings.Count(text, "&"), 8)) // one allocation for most forms
	for pair := range strings.SplitSeq(text, "&") {
		key, escaped, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			return nil, NewError(CodeInvalidParameter, "A parameter's name has an invalid percent-encoding", err)
		}
		if !declared(name) {
			continue
		}
		value, err := url.QueryUnescape(escaped)
		switch {
		case err != nil:
			return nil, invalid(name, "has an invalid percent-encoding")
		case !isText(value):
			return nil, invalid(name, notText)
		case values.Has(name):
			return nil, invalid(name, "must be given once")
		}
		all = append(all, value)
		values[name] = all[len(all)-1 : len(all) : len(all)]
	}
	return values, nil
}

const notText = "must be UTF-8 text without null characters"

// isText reports whether a parameter's value can be stored: Postgres keeps neither other bytes nor null characters in a text.
func isText(value string) bool { return utf8.ValidString(value) && !strings.ContainsRune(value, 0) }

// allText reports whether isText is true of all text in a value from JSON.
func allText(value any) bool {
	switch value := value.(type) {
	case string:
		return isText(value)
	case []any:
		return !slices.ContainsFunc(value, func(item any) bool { return !allText(item) })
	case map[string]any:
		for name, member := range value {
			if !isText(name) || !allText(member) {
				return false
			}
		}
	}
	return true
}
