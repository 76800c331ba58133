package crash_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// traffic counts the responses to requests by their status, 0 for none.
type traffic struct {
	mu       sync.Mutex
	statuses map[int]int
}

// count returns a transport that counts, and fails the test on a status of 500 and above other than the documented 503.
func (c *traffic) count(t *testing.T, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err != nil {
			c.add(0)
			return nil, err
		}
		c.add(response.StatusCode)
		if response.StatusCode < http.StatusInternalServerError {
			return response, nil
		}
		body, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusServiceUnavailable || strings.TrimSpace(string(body)) != unavailable {
			t.Errorf("%s %s returns %d %s", request.Method, request.URL.Path, response.StatusCode, body)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		return response, nil
	})
}

func (c *traffic) add(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statuses == nil {
		c.statuses = map[int]int{}
	}
	c.statuses[status]++
}

// requests returns the number of requests.
func (c *traffic) requests() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.statuses {
		n += of
	}
	return n
}

// roundTripper is a function that is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
