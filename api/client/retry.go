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

// RetryPolicy says how often and how patiently a call is repeated; the package comment says which calls are. The zero value
// of each field is its default.
type RetryPolicy struct {
	MaxAttempts int           // the first one included; 4 by default, 1 never repeats
	BaseWait    time.Duration // the most that is waited before the second attempt, then doubled; 500 ms by default
	MaxWait     time.Duration // the most that is ever waited before an attempt; 30 s by default
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.BaseWait < 0 || p.MaxWait < 0 {
		return p, errors.New("client: a retry policy has no negative numbers")
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

// backoff is the most that is waited after the given attempt, counted from 1, where the server asks for nothing.
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

// fullJitter spreads clients that failed together over the whole of the time that they wait.
func fullJitter(most time.Duration) time.Duration {
	return rand.N(most + 1) //nolint:gosec // nobody gains by guessing it
}

// retrier is what the generated client sends its requests with: whatever operation it has, this holds for it.
type retrier struct {
	sender sender
	policy RetryPolicy
	jitter func(most time.Duration) time.Duration
	logger *slog.Logger
}

// Do answers a 2xx response whose body is read already, or an error: an *Error for every other status.
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
			return nil, fmt.Errorf("client: %w while waiting to repeat what failed: %w", err, o.err)
		}
		var err error
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// repeat tells whether there is another attempt, and when.
func (t *retrier) repeat(r *http.Request, o outcome, attempt int) (wait time.Duration, yes bool) {
	ctx := r.Context()
	if o.err == nil || attempt >= t.policy.MaxAttempts || ctx.Err() != nil || r.Body != nil && r.GetBody == nil {
		return 0, false
	}
	// http.MethodHead and the like are not in the contract.
	harmless := r.Method == http.MethodGet || r.Header.Get(keyHeader) != ""
	if !o.mayRepeat(harmless) || o.retryAfter > t.policy.MaxWait {
		return 0, false
	}
	wait = min(o.retryAfter+t.jitter(t.policy.backoff(attempt)), t.policy.MaxWait)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false // what failed says more than that the time was up
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

// again is a request as it was before it was sent. The old one is not touched: the transport may still be reading it.
func again(r *http.Request) (*http.Request, error) {
	next := r.WithContext(r.Context())
	next.Header = r.Header.Clone()
	next.Header.Del("Cookie") // of the http.Client's jar, which adds them each time
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, fmt.Errorf("client: repeat the request: %w", err)
		}
		next.Body = body
	}
	return next, nil
}

// log names nothing but what is listed here: no header, body or query, and no text of a failure, which could quote one.
func (t *retrier) log(r *http.Request, o outcome, attempt int, took, wait time.Duration, repeat bool) {
	level, message := slog.LevelDebug, "call"
	if repeat {
		level, message = slog.LevelWarn, "call failed, going to repeat it"
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
