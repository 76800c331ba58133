package control_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/control"
)

const sid = "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// front is the handler of a control in front of an API that counts.
type front struct {
	*control.Control
	handler   http.Handler
	performed int
}

func newFront() *front {
	f := &front{Control: control.New(control.NewClock(start, time.Now), nil)}
	f.handler = f.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.performed++
		w.WriteHeader(http.StatusOK)
	}))
	return f
}

// send returns the response to a request, nil if the connection was closed without one.
func (f *front) send(ctx context.Context, method, path string) (response *httptest.ResponseRecorder) {
	response = httptest.NewRecorder()
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // a panic's value
			response = nil
		} else if v != nil {
			panic(v)
		}
	}()
	f.handler.ServeHTTP(response, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader("a=b")))
	return response
}

func TestMatch(t *testing.T) {
	t.Parallel()
	const item = "/v1/TrustProducts/" + sid
	for name, test := range map[string]struct {
		match        control.Match
		method, path string
		want         bool
	}{
		"anything":          {control.Match{}, http.MethodGet, "/v1/Policies", true},
		"not the API":       {control.Match{}, http.MethodGet, "/healthz", false},
		"a preflight":       {control.Match{}, http.MethodOptions, item, false},
		"method":            {control.Match{Method: http.MethodPost}, http.MethodPost, item, true},
		"another method":    {control.Match{Method: http.MethodPost}, http.MethodGet, item, false},
		"path":              {control.Match{Path: "/v1/TrustProducts"}, http.MethodGet, "/v1/TrustProducts", true},
		"a path below":      {control.Match{Path: "/v1/TrustProducts"}, http.MethodGet, item, false},
		"any SID":           {control.Match{Path: "/v1/TrustProducts/{Sid}"}, http.MethodGet, item, true},
		"no SID":            {control.Match{Path: "/v1/TrustProducts/{Sid}"}, http.MethodGet, "/v1/TrustProducts/", false},
		"a SID":             {control.Match{Path: item}, http.MethodGet, item, true},
		"operation":         {control.Match{Operation: "UpdateTrustProduct"}, http.MethodPost, item, true},
		"another operation": {control.Match{Operation: "UpdateTrustProduct"}, http.MethodGet, item, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront()
			if err := f.Faults.Inject(1, test.match, control.Fault{Status: http.StatusServiceUnavailable}); err != nil {
				t.Fatal(err)
			}
			failed := f.send(t.Context(), test.method, test.path).Code == http.StatusServiceUnavailable
			if left := f.Faults.Left(); failed != test.want || (left == 0) != test.want || (f.performed == 0) != test.want {
				t.Errorf("failed: %v, want %v; %d faults are left, %d requests performed", failed, test.want, left, f.performed)
			}
		})
	}
}

// TestOrder: the first fault that matches is used, n times, and then the next.
func TestOrder(t *testing.T) {
	t.Parallel()
	f := newFront()
	for _, inject := range []struct {
		n      int
		match  control.Match
		status int
	}{
		{1, control.Match{Method: http.MethodPost}, 501}, {2, control.Match{}, 502}, {1, control.Match{}, 503},
	} {
		if err := f.Faults.Inject(inject.n, inject.match, control.Fault{Status: inject.status}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, method := range []string{"GET", "POST", "POST", "GET"} {
		got = append(got, strconv.Itoa(f.send(t.Context(), method, "/v1/Policies").Code))
	}
	if all := strings.Join(got, " "); all != "502 501 502 503" || f.Faults.Left() != 0 {
		t.Errorf("got %s, and %d faults are left", all, f.Faults.Left())
	}
}

func TestResponse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      control.Fault
		code       int
		message    string
		retryAfter string
	}{
		"too many":          {control.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond}, 20429, "Too Many Requests", "2"},
		"given":             {control.Fault{Status: 400, Code: 70002, Message: "<no>"}, 70002, "<no>", ""},
		"unknown to us":     {control.Fault{Status: 418}, 20418, "I'm a teapot", ""},
		"an HTML page":      {control.Fault{Status: 502, HTML: true, RetryAfter: time.Minute}, 0, "", "60"},
		"with another code": {control.Fault{Status: 409}, 20409, "Conflict", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront()
			if err := f.Faults.Inject(1, control.Match{}, test.fault); err != nil {
				t.Fatal(err)
			}
			response := f.send(t.Context(), http.MethodPost, "/v1/TrustProducts")
			if response.Code != test.fault.Status || response.Header().Get("Retry-After") != test.retryAfter || f.performed != 0 {
				t.Errorf("status %d, header %v, %d performed", response.Code, response.Header(), f.performed)
			}
			var body gen.Error
			err := json.Unmarshal(response.Body.Bytes(), &body)
			if isHTML := strings.HasPrefix(response.Header().Get("Content-Type"), "text/html"); isHTML != (err != nil) || isHTML != test.fault.HTML {
				t.Errorf("HTML: %v, %v, want %v", isHTML, err, test.fault.HTML)
			}
			if body.Code != test.code || body.Message != test.message || (test.code != 0 && body.Status != test.fault.Status) {
				t.Errorf("the body is %+v", body)
			}
		})
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	for drop, performed := range map[control.Drop]int{control.DropBefore: 0, control.DropAfter: 1} {
		f := newFront()
		if err := f.Faults.Inject(1, control.Match{}, control.Fault{Drop: drop}); err != nil {
			t.Fatal(err)
		}
		if response := f.send(t.Context(), http.MethodPost, "/v1/TrustProducts"); response != nil || f.performed != performed {
			t.Errorf("drop %s: response %v, %d performed, want %d", drop, response, f.performed, performed)
		}
		if response := f.send(t.Context(), http.MethodPost, "/v1/TrustProducts"); response == nil {
			t.Errorf("drop %s: the next request had no response", drop)
		}
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront()
		fault := control.Fault{Delay: time.Minute, Status: http.StatusServiceUnavailable}
		if err := f.Faults.Inject(2, control.Match{}, fault); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		response := f.send(t.Context(), http.MethodPost, "/v1/TrustProducts")
		if took := time.Since(begun); took != time.Minute || response.Code != http.StatusServiceUnavailable {
			t.Errorf("after %v: status %d", took, response.Code)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if response := f.send(ctx, http.MethodPost, "/v1/TrustProducts"); response != nil || f.performed != 0 {
			t.Errorf("after the caller gave up: response %v, %d performed", response, f.performed)
		}
	})
}

func TestInjectRefused(t *testing.T) {
	t.Parallel()
	const valid = 503
	for want, test := range map[string]struct {
		n     int
		match control.Match
		fault control.Fault
	}{
		"the number of requests must be at least 1":    {0, control.Match{}, control.Fault{Status: valid}},
		"no operation has this method and path":        {1, control.Match{Path: "/v1/TrustProduct"}, control.Fault{Status: valid}},
		"operation cannot be used with method or path": {1, control.Match{Operation: "FetchPolicy", Method: "GET"}, control.Fault{Status: valid}},
		"unknown operation":                            {1, control.Match{Operation: "fetchPolicy"}, control.Fault{Status: valid}},
		"a fault needs a status, a delay or a drop":    {1, control.Match{}, control.Fault{}},
		"delay must be between 0 and 1 hour":           {1, control.Match{}, control.Fault{Delay: control.MaxDelay + 1}},
		"status must be between 400 and 599":           {1, control.Match{}, control.Fault{Status: 200}},
		"code, message and retry_after need a status":  {1, control.Match{}, control.Fault{Code: 20001, Delay: 1}},
		"an HTML page needs a status":                  {1, control.Match{}, control.Fault{HTML: true}},
		"code must be between 1 and 99999":             {1, control.Match{}, control.Fault{Status: valid, Code: -1}},
		"message is too long":                          {1, control.Match{}, control.Fault{Status: valid, Message: strings.Repeat("x", 1001)}},
		"retry_after must not be negative":             {1, control.Match{}, control.Fault{Status: valid, RetryAfter: -1}},
		"an HTML page has no code and no message":      {1, control.Match{}, control.Fault{Status: valid, HTML: true, Code: 1}},
		"drop must be before or after":                 {1, control.Match{}, control.Fault{Drop: "during"}},
		"a fault has either a status or a drop":        {1, control.Match{}, control.Fault{Status: valid, Drop: control.DropAfter}},
	} {
		f := newFront()
		if err := f.Faults.Inject(test.n, test.match, test.fault); err == nil || err.Error() != want || f.Faults.Left() != 0 {
			t.Errorf("got %v, want %s; %d faults are left", err, want, f.Faults.Left())
		}
	}
}

// TestManyFaults: the number of faults is bounded, and Clear removes them.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	f := newFront()
	var err error
	injected := 0
	for ; err == nil && injected <= 1000; injected++ {
		err = f.Faults.Inject(2, control.Match{}, control.Fault{Status: http.StatusServiceUnavailable})
	}
	if err == nil || injected != 1001 || f.Faults.Left() != 2000 {
		t.Errorf("after %d faults: %v, %d are left", injected, err, f.Faults.Left())
	}
	f.Faults.Clear()
	if response := f.send(t.Context(), http.MethodGet, "/v1/Policies"); f.Faults.Left() != 0 || response.Code != http.StatusOK {
		t.Errorf("after Clear: status %d, %d are left", response.Code, f.Faults.Left())
	}
}
