package rotation_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// receiver is a program that receives callbacks.
type receiver struct {
	*httptest.Server

	t        *testing.T
	received func(bundleSID, status string)

	mu     sync.Mutex
	tokens []string // that it accepts
	next   *held    // what becomes of the next callback; nil if that is not held
	valid  int      // callbacks
}

func startReceiver(t *testing.T, token string, received func(bundleSID, status string)) *receiver {
	t.Helper()
	r := &receiver{t: t, tokens: []string{token}, received: received}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

// accept sets the tokens that the receiver accepts.
func (r *receiver) accept(tokens ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = tokens
}

// receive refuses a callback with an invalid signature, which fails the test.
func (r *receiver) receive(w http.ResponseWriter, request *http.Request) {
	if err := request.ParseForm(); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	tokens, late := r.tokens, r.next
	r.next = nil
	r.mu.Unlock()
	if late != nil {
		tokens = late.wait(r.t, request)
	}
	callback, err := client.ParseCallback(request, tokens[0], client.WithOtherTokens(tokens[1:]...))
	if err != nil {
		r.t.Errorf("a callback: %v", err)
		http.Error(w, "", http.StatusForbidden)
		return
	}
	r.mu.Lock()
	r.valid++
	r.mu.Unlock()
	r.received(callback.BundleSID, string(callback.Status))
}

// held is a callback that was signed before a promotion and is verified after it.
type held struct {
	arrived chan struct{}
	tokens  chan []string
}

// holdNext waits for the next callback, and holds it.
func (r *receiver) holdNext(t *testing.T) *held {
	t.Helper()
	h := &held{arrived: make(chan struct{}), tokens: make(chan []string, 1)}
	r.mu.Lock()
	r.next = h
	r.mu.Unlock()
	select {
	case <-h.arrived:
	case <-time.After(waitLimit):
		t.Fatalf("no callback within %v", waitLimit)
	}
	return h
}

// release has the callback verified with these tokens.
func (h *held) release(tokens ...string) { h.tokens <- tokens }

// wait returns the tokens of release. The first alone does not verify the callback: the receiver needs the other one, too.
func (h *held) wait(t *testing.T, request *http.Request) (tokens []string) {
	close(h.arrived)
	select {
	case tokens = <-h.tokens:
	case <-t.Context().Done():
		return []string{"the test has ended"}
	}
	if _, err := client.ParseCallback(request, tokens[0]); !errors.Is(err, client.ErrSignature) {
		t.Errorf("a callback from before the promotion, with the new token alone: %v, want ErrSignature", err)
	}
	return tokens
}
