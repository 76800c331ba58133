package apitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// list returns the number of products that match the filter.
func (c caller) list(filter url.Values) int {
	c.t.Helper()
	filter.Set("PageSize", "1000")
	_, _, body, err := c.send(c.t.Context(), http.MethodGet, "/v1/TrustProducts?"+filter.Encode(), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	var page gen.TrustProductPage
	if err := json.Unmarshal(body, &page); err != nil {
		c.t.Fatal(err)
	}
	return len(page.Results)
}

func TestFaultsWithResponse(t *testing.T) {
	for name, test := range map[string]struct {
		fault       apitest.Fault
		status      int
		code        int
		contentType string
		retryAfter  string
	}{
		"too many":            {apitest.TooManyRequests(1500 * time.Millisecond), 429, 20429, "application/json", "2"},
		"too many, no header": {apitest.TooManyRequests(0), 429, 20429, "application/json", ""},
		"internal":            {apitest.InternalError(), 500, 20500, "application/json", ""},
		"unavailable":         {apitest.Unavailable(time.Second), 503, 20503, "application/json", "1"},
		"unavailable, HTML":   {apitest.HTMLUnavailable(), 503, 0, "text/html; charset=utf-8", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := apitest.New(t)
			c := newCaller(t, s)
			s.Inject(2, test.fault)
			for range 2 {
				status, header, body, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", ""))
				if err != nil || status != test.status || header.Get("Content-Type") != test.contentType ||
					header.Get("Retry-After") != test.retryAfter {
					t.Errorf("status %d, header %v, %v", status, header, err)
				}
				var failure gen.Error
				if err := json.Unmarshal(body, &failure); (err == nil) != (test.code > 0) || failure.Code != test.code {
					t.Errorf("the body is %q", body)
				}
			}
			if left := s.Injected(); left != 0 {
				t.Errorf("%d faults are left", left)
			}
			c.create("a@acme.example", "")
			if n := c.list(url.Values{}); n != 1 {
				t.Errorf("there are %d products, want the one that was created without a fault", n)
			}
		})
	}
}

func TestFaultsOnlyForTheAPI(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	s.Inject(1, apitest.InternalError())
	s.Inject(1, apitest.TooManyRequests(0))
	for _, harmless := range []struct{ method, path string }{
		{http.MethodGet, "/healthz"}, {http.MethodOptions, "/v1/TrustProducts"},
	} {
		if status, _, _, err := c.send(t.Context(), harmless.method, harmless.path, nil); status/100 != 2 || err != nil {
			t.Errorf("%v: status %d, %v", harmless, status, err)
		}
	}
	for _, want := range []int{500, 429, 201} { // in the order of Inject
		status, _, _, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", ""))
		if status != want || err != nil {
			t.Errorf("status %d, %v, want %d", status, err, want)
		}
	}
}

func TestDroppedConnections(t *testing.T) {
	for name, test := range map[string]struct {
		fault apitest.Fault
		made  int
	}{
		"before it was done": {apitest.DropConnection(), 0},
		"after it was done":  {apitest.DropAnswer(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := apitest.New(t)
			c := newCaller(t, s)
			s.Inject(1, test.fault)
			if status, _, _, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", "")); err == nil {
				t.Errorf("got a response with status %d", status)
			}
			if n := c.list(url.Values{}); n != test.made {
				t.Errorf("there are %d products, want %d", n, test.made)
			}
		})
	}
}

// TestLostAnswer shows what idempotency keys are for.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	s.Inject(1, apitest.DropAnswer())
	c.createAs = "once"
	form := draft("a@acme.example", "")
	status := 0
	for status == 0 { // net/http may have sent it again by itself
		status, _, _, _ = c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", form)
	}
	if n := c.list(url.Values{}); status != http.StatusCreated || n != 1 {
		t.Errorf("status %d, %d products", status, n)
	}
}

func TestDelay(t *testing.T) {
	s := apitest.New(t)
	c := newCaller(t, s)
	const delay = 20 * time.Millisecond
	s.Inject(1, apitest.Delay(delay))
	start := time.Now()
	c.create("a@acme.example", "")
	if took := time.Since(start); took < delay {
		t.Errorf("it took %v", took)
	}

	// The caller must not give up before the fault has the request: the fault would then be left for the next request.
	ctx, giveUp := context.WithCancel(t.Context())
	forLong := apitest.Delay(time.Hour)
	s.Inject(1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		giveUp()
		forLong(w, r, next)
	})
	_, _, _, err := c.send(ctx, http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", ""))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the caller gave up with %v", err)
	}
	if n := c.list(url.Values{}); n != 1 {
		t.Errorf("there are %d products", n)
	}
}

// TestDelayEndsWithTheTest ends a test while a caller waits.
func TestDelayEndsWithTheTest(t *testing.T) {
	waiting := make(chan struct{})
	failed := make(chan error)
	t.Run("inner", func(inner *testing.T) {
		s := apitest.New(inner)
		c := newCaller(t, s)
		delay := apitest.Delay(time.Hour)
		s.Inject(1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			close(waiting)
			delay(w, r, next)
		})
		go func() {
			_, _, _, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", ""))
			failed <- err
		}()
		<-waiting
	})
	if err := <-failed; err == nil {
		t.Error("the caller got a response")
	}
}

// TestThousandCreatesWithOneKey sends 1,000 creates at once with one Idempotency-Key to two servers on one database.
func TestThousandCreatesWithOneKey(t *testing.T) {
	t.Parallel()
	const count = 1000
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			first := apitest.New(t, apitest.WithDatabase(name))
			second := apitest.New(t, apitest.WithDatabase(name), apitest.WithAccount(first.AccountSID, first.AuthToken))
			transport := &http.Transport{MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}
			t.Cleanup(transport.CloseIdleConnections)
			var group sync.WaitGroup
			sids := make([]string, count)
			for i := range count {
				group.Go(func() {
					c := newCaller(t, first)
					c.createAs, c.base, c.client = "one-key", []string{first.BaseURL, second.BaseURL}[i%2], &http.Client{Transport: transport}
					status, _, body, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", draft("a@acme.example", ""))
					var p gen.TrustProduct
					if err != nil || status != http.StatusCreated || json.Unmarshal(body, &p) != nil {
						t.Errorf("status %d, %s, %v", status, body, err)
					}
					sids[i] = p.SID
				})
			}
			group.Wait()
			for _, sid := range sids {
				if sid != sids[0] || !strings.HasPrefix(sid, "BU") {
					t.Fatalf("two products: %s and %s", sids[0], sid)
				}
			}
			if n := newCaller(t, second).list(url.Values{}); n != 1 {
				t.Errorf("%d products were created", n)
			}
		})
	}
}
