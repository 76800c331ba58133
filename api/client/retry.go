package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// RetryPolicy sets how often a call is retried and how long to wait in between. Retries in the package comment says which calls
// are retried. A field that is zero has its default.
type RetryPolicy struct {
	MaxAttempts int           // including the first one; 4 by default, 1 never retries
	BaseWait    time.Duration // the longest wait before the second attempt, doubled for each further one; 500 ms by default
	MaxWait     time.Duration // the longest wait before any attempt; 30 s by default
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.BaseWait < 0 || p.MaxWait < 0 {
		return p, errors.New("client: a retry policy must not have negative values")
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 4
	}
	if p.BaseWait == 0 {
		p.BaseWait = 500 * time.Millisecond
	}
	if p.MaxWait == 0 {
		p.MaxWait = 30 * time.Second
	}
	return p, nil
}

// backoff returns the longest wait after an attempt, counted from 1, if the server sends no Retry-After.
func (p RetryPolicy) backoff(attempt int) time.Duration {
	wait := min(p.BaseWait, p.MaxWait)
	for range attempt - 1 {
		if wait >= p.MaxWait/2 { // doubling could overflow
			return p.MaxWait
		}
		wait *= 2
	}
	return wait
}

// fullJitter returns a random wait up to longest, so that clients that failed together do not retry together.
func fullJitter(longest time.Duration) time.Duration {
	return rand.N(longest + 1) //nolint:gosec // predicting it gains nothing
}

// retrier sends the requests of the generated client, and retries them.
type retrier struct {
	sender sender
	policy RetryPolicy
	jitter func(longest time.Duration) time.Duration
	logger *slog.Logger
}

// Do returns a 2xx response, whose body has been read, or an error: an *Error for any other status.
func (t *retrier) Do(r *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		began := time.Now()
		o := t.sender.send(r)
		wait, repeat := t.repeat(r, o, attempt)
		t.log(r, o, attempt, time.Since(began), wait, repeat)
		if !repeat {
			return o.response, o.err
		}
		if err := pause(r.Context(), wait); err != nil {
			return nil, fmt.Errorf("client: %w while waiting to retry: %w", err, o.err)
		}
		var err error
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// repeat reports whether to make another attempt, and after how long a wait.
func (t *retrier) repeat(r *http.Request, o outcome, attempt int) (wait time.Duration, ok bool) {
	ctx := r.Context()
	if o.err == nil || attempt >= t.policy.MaxAttempts || ctx.Err() != nil || r.Body != nil && r.GetBody == nil {
		return 0, false
	}
	// http.MethodHead and the like are not in the contract.
	repeatable := r.Method == http.MethodGet || r.Header.Get(keyHeader) != ""
	if !o.mayRepeat(repeatable) || o.retryAfter > t.policy.MaxWait {
		return 0, false
	}
	wait = min(o.retryAfter+t.jitter(t.policy.backoff(attempt)), t.policy.MaxWait)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false // the failure is a more useful error than the deadline
	}
	return wait, true
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// again returns a copy of the request as it was before it was sent. The transport may still be reading the original.
func again(r *http.Request) (*http.Request, error) {
	next := r.WithContext(r.Context())
	next.Header = r.Header.Clone()
	next.Header.Del("Cookie") // added by the http.Client's jar, which adds them again
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, fmt.Errorf("client: retry the request: %w", err)
		}
		next.Body = body
	}
	return next, nil
}

// log logs an attempt, without headers, body and query. The text of an error is left out because it might quote them.
func (t *retrier) log(r *http.Request, o outcome, attempt int, took, wait time.Duration, repeat bool) {
	level, message := slog.LevelDebug, "call"
	if repeat {
		level, message = slog.LevelWarn, "call failed, retrying"
	}
	if !t.logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("attempt", attempt), slog.Duration("duration", took),
	}
	if o.status != 0 {
		attrs = append(attrs, slog.Int("status", o.status), slog.String("request_id", o.requestID))
	}
	if o.failure != "" {
		attrs = append(attrs, slog.String("failure", o.failure))
	}
	if repeat {
		attrs = append(attrs, slog.Duration("wait", wait))
	}
	t.logger.LogAttrs(r.Context(), level, message, attrs...)
}
