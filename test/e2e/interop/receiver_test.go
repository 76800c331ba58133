package interop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"

	"github.com/opentrusthub/trusthub/internal/signature"
)

const callbackTimeout = 30 * time.Second // for the callbacks of a review

// receiver receives status callbacks. It follows Twilio's documentation: it passes the URL at which it was called, and the form, to
// the SDK's validator.
type receiver struct {
	url    string
	tokens map[string]string // of the accounts that it receives callbacks of

	mu       sync.Mutex
	statuses map[string][]string // by the bundle's SID, as received
	more     chan struct{}       // closed and replaced when a callback arrives
}

func newReceiver(t *testing.T, tokens map[string]string) *receiver {
	t.Helper()
	r := &receiver{tokens: tokens, statuses: map[string][]string{}, more: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) { r.receive(t, request) }))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) receive(t *testing.T, request *http.Request) {
	called := "http://" + request.Host + request.URL.RequestURI()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Error(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	sid, status := form.Get("BundleSid"), form.Get("Status")
	token, known := r.tokens[form.Get("AccountSid")]
	if !known || form.Has("FailureReason") != (status == "twilio-rejected") {
		t.Errorf("the form is %v", form)
	}
	validator := client.NewRequestValidator(token)
	if !validator.ValidateBody(called, body, request.Header.Get(signature.Header)) {
		t.Errorf("the SDK refuses the callback to %s with %q", called, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses[sid] = append(r.statuses[sid], status)
	close(r.more)
	r.more = make(chan struct{})
}

// await waits for callbacks of a bundle and expects these statuses, each once and in this order.
func (r *receiver) await(t *testing.T, sid string, want ...string) {
	t.Helper()
	timeout := time.After(callbackTimeout)
	for {
		r.mu.Lock()
		got, more := slices.Clone(r.statuses[sid]), r.more
		r.mu.Unlock()
		if len(got) >= len(want) {
			if !slices.Equal(got, want) {
				t.Errorf("%s was called back with %v, want %v", sid, got, want)
			}
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("after %v the callbacks of %s are %v, want %v", callbackTimeout, sid, got, want)
		}
	}
}
