package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

// maxResponseBytes bounds what is read of a response. A page has at most 100 items.
const maxResponseBytes = 16 << 20

// apiError is a response of the operator API other than the one for success.
type apiError struct {
	status    int
	code      int // 0 if the response is not the API's but, say, a proxy's
	message   string
	requestID string // of a failure that the server's log explains
}

// Error returns the status, the code and the message.
func (e *apiError) Error() string {
	text := fmt.Sprintf("HTTP %d", e.status)
	if e.code != 0 {
		text += fmt.Sprintf(", error %d", e.code)
	}
	text += ": " + e.message
	if e.requestID != "" {
		text += " (request " + e.requestID + ")"
	}
	return text
}

// isStatus reports whether err is a response of the operator API with this HTTP status.
func isStatus(err error, status int) bool {
	refused, ok := errors.AsType[*apiError](err)
	return ok && refused.status == status
}

// responseOf returns the body of a response of the operator API, zero without content, or an *apiError. It takes what the methods of the generated client
// return.
func responseOf[T any](response *http.Response, err error) (result T, _ error) {
	if err != nil {
		return result, withoutQuery(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponseBytes+1))
	switch {
	case err != nil:
		return result, fmt.Errorf("incomplete response: %w", err)
	case len(body) > maxResponseBytes:
		return result, errors.New("the response is longer than 16 MiB")
	case response.StatusCode/100 != 2:
		return result, newAPIError(response, body)
	case response.StatusCode == http.StatusNoContent:
		return result, nil
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return result, fmt.Errorf("HTTP %d: the response is not that of an operator API", response.StatusCode)
	}
	return result, nil
}

func newAPIError(response *http.Response, body []byte) *apiError {
	refused := &apiError{status: response.StatusCode, message: http.StatusText(response.StatusCode)}
	if refused.status >= http.StatusInternalServerError {
		refused.requestID = response.Header.Get("Twilio-Request-Id")
	}
	var reported operatorapi.Error
	if json.Unmarshal(body, &reported) == nil && reported.Message != "" {
		refused.code, refused.message = reported.Code, reported.Message
	}
	return refused
}

// withoutQuery removes the query from the URL in an error of a http.Client.
func withoutQuery(err error) error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return failure.Err
	}
	return err
}

// operatorPageSize is that of the contract.
const operatorPageSize = 100

// collect returns the items of a list of the operator API, at most limit of them, or all if limit is 0. fetch returns a page.
func collect[T any](
	limit int, fetch func(size *operatorapi.PageSize, token *operatorapi.PageToken) ([]T, operatorapi.PageMeta, error),
) ([]T, error) {
	all, seen := []T{}, map[string]bool{}
	for token := ""; ; {
		size := int64(operatorPageSize)
		if limit > 0 {
			size = int64(min(operatorPageSize, limit-len(all)))
		}
		items, meta, err := fetch(&size, optional(token))
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if meta.NextPageURL == nil || (limit > 0 && len(all) >= limit) {
			return all, nil
		}
		if token, err = pageToken(*meta.NextPageURL); err != nil || seen[token] {
			return nil, errors.New("invalid next_page_url")
		}
		seen[token] = true
	}
}

// pageToken returns the token in the URL of a page. Nothing else is taken of it: the operator token is never sent to a URL that a
// server chose.
func pageToken(pageURL string) (string, error) {
	u, err := url.Parse(pageURL)
	if err != nil || u.Query().Get("page_token") == "" {
		return "", errors.New("no page token")
	}
	return u.Query().Get("page_token"), nil
}

// optional returns nil for the zero value, for a parameter that is left out then.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// valueOf returns the value of an optional property, zero without one.
func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
