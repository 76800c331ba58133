package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// reply is a scripted server's reply to a request: a response, or an error.
type reply struct {
	status     int
	retryAfter string
	err        error
}

// script is a transport that replies from a list, and repeats the last entry. Without a network it can run in a synctest
// bubble.
type script struct {
	replies  []reply
	requests []sent
}

type sent struct {
	at        time.Time
	key, body string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.requests = append(s.requests, sent{time.Now(), r.Header.Get("Idempotency-Key"), string(body)})
	next := s.replies[min(len(s.requests), len(s.replies))-1]
	if next.err != nil {
		return nil, next.err
	}
	response := &http.Response{
		StatusCode: next.status, Request: r, ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader(answer)),
	}
	if next.retryAfter != "" {
		response.Header.Set("Retry-After", next.retryAfter)
	}
	return response, nil
}

func (s *script) client(t *testing.T, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(append([]client.Option{
		client.WithBaseURL("http://trusthub.example"), client.WithCredentials(account, token),
		client.WithHTTPClient(&http.Client{Transport: s}),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The contract's operations, by how they are retried.
var (
	create = func(ctx context.Context, c *client.Client) error { // has a key
		_, err := c.CreateTrustProduct(ctx, client.CreateTrustProductRequest{FriendlyName: "Acme"})
		return err
	}
	update = func(ctx context.Context, c *client.Client) error { // must not run twice
		_, err := c.UpdateTrustProduct(ctx, sid, client.UpdateTrustProductRequest{FriendlyName: new("Acme")})
		return err
	}
	fetch = func(ctx context.Context, c *client.Client) error { // only reads
		_, err := c.FetchTrustProduct(ctx, sid)
		return err
	}
	remove = func(ctx context.Context, c *client.Client) error { return c.DeleteTrustProduct(ctx, sid) }
)

func TestWhichCallsAreRetried(t *testing.T) {
	lost := errors.New("lost")
	for _, test := range []struct {
		name                           string
		reply                          reply
		create, fetch, update, deleted bool // whether it is retried
	}{
		{"too many requests", reply{status: 429}, true, true, true, true},
		{"unavailable, wait", reply{status: 503, retryAfter: "1"}, true, true, true, true},
		{"unavailable, do not wait", reply{status: 503, retryAfter: "0"}, true, true, true, true},
		{"unavailable", reply{status: 503}, true, true, false, false},
		{"unavailable, invalid wait", reply{status: 503, retryAfter: "soon"}, true, true, false, false},
		{"internal error", reply{status: 500}, true, true, false, false},
		{"internal error, wait", reply{status: 500, retryAfter: "1"}, true, true, false, false},
		{"bad gateway", reply{status: 502}, true, true, false, false},
		{"gateway timeout", reply{status: 504}, true, true, false, false},
		{"connection lost", reply{err: lost}, true, true, false, false},
		{"invalid", reply{status: 400}, false, false, false, false},
		{"unauthorized", reply{status: 401}, false, false, false, false},
		{"conflict", reply{status: 409, retryAfter: "1"}, false, false, false, false},
		{"not implemented", reply{status: 501}, false, false, false, false},
		{"a redirect", reply{status: 302}, false, false, false, false},
	} {
		for name, call := range map[string]struct {
			do   func(context.Context, *client.Client) error
			want bool
		}{"create": {create, test.create}, "fetch": {fetch, test.fetch}, "update": {update, test.update}, "delete": {remove, test.deleted}} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &script{replies: []reply{test.reply}}
					err := call.do(t.Context(), server.client(t, client.WithRetries(client.RetryPolicy{MaxAttempts: 3})))
					want := 1
					if call.want {
						want = 3
					}
					if len(server.requests) != want || err == nil {
						t.Errorf("sent %d times, want %d; error %v", len(server.requests), want, err)
					}
					if test.reply.err != nil && !errors.Is(err, test.reply.err) {
						t.Errorf("the error is %v", err)
					}
				})
			})
		}
	}
}

func TestRetryIsTheSameRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &script{replies: []reply{{status: 500}, {err: io.ErrUnexpectedEOF}, {status: 429}, {status: 201}}}
		c := server.client(t)
		if err := create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		first := server.requests[0]
		if len(first.key) < 26 || !strings.Contains(first.body, "FriendlyName=Acme") {
			t.Errorf("the first request was %+v", first)
		}
		for _, r := range server.requests[1:] {
			if r.key != first.key || r.body != first.body {
				t.Errorf("the retry is %+v, want %+v", r, first)
			}
		}
		if err := create(t.Context(), c); err != nil || server.requests[4].key == first.key {
			t.Errorf("another create has the same key (error %v)", err)
		}
	})
}

func TestWaits(t *testing.T) {
	policy := client.RetryPolicy{MaxAttempts: 6, BaseWait: time.Second, MaxWait: 5 * time.Second}
	most := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			server := &script{replies: []reply{{status: 429}}}
			if err := update(t.Context(), server.client(t, client.WithRetries(policy))); !errors.Is(err, client.ErrRateLimited) {
				t.Errorf("got %v", err)
			}
			for i, most := range most {
				if wait := server.requests[i+1].at.Sub(server.requests[i].at); wait < 0 || wait > most {
					t.Errorf("waited %v after attempt %d, want at most %v", wait, i+1, most)
				}
			}
		})
	}
}

func TestJitterIsFull(t *testing.T) {
	var low, high bool
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			server := &script{replies: []reply{{status: 429}, {status: 200}}}
			if err := update(t.Context(), server.client(t)); err != nil {
				t.Fatal(err)
			}
			wait := server.requests[1].at.Sub(server.requests[0].at)
			low, high = low || wait < 100*time.Millisecond, high || wait > 400*time.Millisecond
		})
	}
	if !low || !high {
		t.Errorf("of 200 waits of up to 500 ms none was under 100 ms (%v) or over 400 ms (%v)", low, high)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		value    string
		from, to time.Duration // of the wait
		asked    time.Duration // RetryAfter of the error
	}{
		{"7", 7 * time.Second, 7500 * time.Millisecond, 7 * time.Second},
		{"30", 30 * time.Second, 30 * time.Second, 30 * time.Second}, // no jitter beyond MaxWait
		{"Sat, 01 Jan 2000 00:00:09 GMT", 9 * time.Second, 9500 * time.Millisecond, 9 * time.Second},
		{"Fri, 31 Dec 1999 00:00:00 GMT", 0, 500 * time.Millisecond, 0},
		{"-1", 0, 500 * time.Millisecond, 0},
		{"1.5", 0, 500 * time.Millisecond, 0},
		{"soon", 0, 500 * time.Millisecond, 0},
		{"31", -1, -1, 31 * time.Second}, // longer than MaxWait: not waited for
		{"99999999999999999999", -1, -1, 365 * 24 * time.Hour},
		{"Sat, 01 Jan 2000 01:00:00 GMT", -1, -1, time.Hour},
	} {
		t.Run(test.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a bubble starts at midnight of 2000-01-01
				server := &script{replies: []reply{{status: 429, retryAfter: test.value}}}
				err := update(t.Context(), server.client(t, client.WithRetries(client.RetryPolicy{MaxAttempts: 1})))
				if failure, ok := errors.AsType[*client.Error](err); !ok || failure.RetryAfter != test.asked {
					t.Errorf("the error is %v with %+v", err, failure)
				}
				server = &script{replies: []reply{{status: 429, retryAfter: test.value}, {status: 200}}}
				err = update(t.Context(), server.client(t))
				if test.from < 0 {
					if len(server.requests) != 1 || !errors.Is(err, client.ErrRateLimited) {
						t.Errorf("sent %d times, error %v", len(server.requests), err)
					}
					return
				}
				if wait := server.requests[1].at.Sub(server.requests[0].at); err != nil || wait < test.from || wait > test.to {
					t.Errorf("waited %v, error %v", wait, err)
				}
			})
		})
	}
}

func TestNoWaitPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		server := &script{replies: []reply{{status: 503, retryAfter: "5"}}}
		err := update(ctx, server.client(t))
		if failure, ok := errors.AsType[*client.Error](err); !ok || failure.RetryAfter != 5*time.Second || time.Since(began) != 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer time.AfterFunc(3*time.Second, cancel).Stop()
		began := time.Now()
		server := &script{replies: []reply{{status: 429, retryAfter: "20"}}}
		err := update(ctx, server.client(t))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, client.ErrRateLimited) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestBadPolicy(t *testing.T) {
	for _, policy := range []client.RetryPolicy{{MaxAttempts: -1}, {BaseWait: -1}, {MaxWait: -1}} {
		if _, err := client.New(client.WithCredentials(account, token), client.WithRetries(policy)); err == nil {
			t.Errorf("%+v is accepted", policy)
		}
	}
}

func TestHugePolicyDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &script{replies: []reply{{status: 429}}}
		policy := client.RetryPolicy{MaxAttempts: 100, BaseWait: 24 * time.Hour, MaxWait: time.Hour}
		if err := update(t.Context(), server.client(t, client.WithRetries(policy))); err == nil || len(server.requests) != 100 {
			t.Errorf("sent %d times, error %v", len(server.requests), err)
		}
		for i, r := range server.requests[1:] {
			if wait := r.at.Sub(server.requests[i].at); wait < 0 || wait > time.Hour {
				t.Errorf("waited %v", wait)
			}
		}
	})
}
