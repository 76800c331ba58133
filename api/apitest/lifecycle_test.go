package apitest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/signature"
)

func statuses(calls []apitest.Callback) []string {
	var all []string
	for _, call := range calls {
		all = append(all, call.Form.Get("Status"))
	}
	return all
}

// TestEmailIsNotAnAddress: if a bundle's Email is a company's name, no mail is sent, and nothing waits for it.
func TestEmailIsNotAnAddress(t *testing.T) {
	s := apitest.New(t)
	c := newCaller(t, s)
	c.submit(c.create("Acme+hold, Inc.", "https://acme.example/status").SID)
	s.Advance(time.Minute)
	if got := statuses(s.Callbacks()); !slices.Equal(got, []string{"pending-review", "in-review", "twilio-approved"}) {
		t.Errorf("called back: %v", got)
	}
	if mails := s.Mails(); len(mails) != 0 {
		t.Errorf("mailed: %+v", mails)
	}
}

// TestCallbacksToTheInternet: they are recorded instead of sent.
func TestCallbacksToTheInternet(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	const callback = "https://user:word@acme.example/status?a=1#here"
	p := c.create("name+reject-18601@acme.example", callback)
	c.submit(p.SID)
	if got := s.Callbacks(); len(got) != 0 {
		t.Errorf("before the clock was moved: %+v", got)
	}
	s.Advance(0)
	if got := statuses(s.Callbacks()); !slices.Equal(got, []string{"pending-review", "in-review"}) {
		t.Errorf("at once: %v", got)
	}
	s.Advance(time.Minute)
	calls, mails := s.Callbacks(), s.Mails()
	if got := statuses(calls); !slices.Equal(got, []string{"pending-review", "in-review", "twilio-rejected"}) {
		t.Fatalf("in a minute: %v", got)
	}
	last := calls[2]
	if last.URL != callback || last.Sent || last.StatusCode != http.StatusNoContent || last.Error != "" || last.IdempotencyToken == "" {
		t.Errorf("the last is %+v", last)
	}
	if !signature.Valid(s.AuthToken, "https://acme.example/status?a=1", last.Form, last.Signature) {
		t.Error("its signature is not valid")
	}
	if last.Form.Get("BundleSid") != p.SID || last.Form.Get("AccountSid") != s.AccountSID || last.Form.Get("FailureReason") == "" {
		t.Errorf("its form is %v", last.Form)
	}
	if got := last.At.Sub(calls[0].At); got != 2*time.Second {
		t.Errorf("the review took %v", got)
	}
	if len(mails) != 3 {
		t.Fatalf("mails: %+v", mails)
	}
	message, err := netmail.ReadMessage(strings.NewReader(mails[2].Raw))
	if err != nil || message.Header.Get("To") != "<name+reject-18601@acme.example>" || !strings.Contains(mails[2].Text, "18601: ") {
		t.Errorf("the last message: %v\n%s", err, mails[2].Raw)
	}
	mails[2].Raw, mails[2].Text = "", ""
	want := apitest.Mail{
		At: last.At, From: "trusthub@localhost", Subject: "Trust Product “Acme” is rejected", To: "name+reject-18601@acme.example", BundleSID: p.SID, FriendlyName: "Acme",
		Status: gen.BundleStatusTwilioRejected, Codes: []int{18601}, FailureReason: last.Form.Get("FailureReason"),
	}
	if diff := cmp.Diff(want, mails[2]); diff != "" {
		t.Errorf("the last mail (-want +got):\n%s", diff)
	}
}

// TestSignatureOfUnicode: the signature of a callback to a Unicode host is for its name in DNS, which the receiver sees.
func TestSignatureOfUnicode(t *testing.T) {
	s := apitest.New(t)
	c := newCaller(t, s)
	c.submit(c.create("a@acme.example", "https://bücher.example/ü?ü=1").SID)
	s.Advance(0)
	calls := s.Callbacks()
	if len(calls) == 0 {
		t.Fatal("no callback")
	}
	const seen = "https://xn--bcher-kva.example/%C3%BC?%C3%BC=1"
	if !signature.Valid(s.AuthToken, seen, calls[0].Form, calls[0].Signature) {
		t.Error("the signature is not for the URL that the receiver sees")
	}
}

// failingReceiver receives callbacks on this machine. It returns 500 as often as the test says.
type failingReceiver struct {
	url      string
	mu       sync.Mutex
	failures int
	received []apitest.Callback // only the fields that a receiver sees
}

func newReceiver(t *testing.T, failures int) *failingReceiver {
	r := &failingReceiver{failures: failures}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.received = append(r.received, apitest.Callback{
			Form: req.PostForm, Signature: req.Header.Get(signature.Header),
			IdempotencyToken: req.Header.Get("I-Twilio-Idempotency-Token"),
		})
		if r.failures--; r.failures >= 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/status?x=%20y"
	return r
}

// TestReceiver lets a receiver on this machine fail twice, and compares the received with the recorded callbacks.
func TestReceiver(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	r := newReceiver(t, 2)
	p := c.create("a@acme.example", r.url)
	c.submit(p.SID)
	start := s.Now()
	s.Advance(time.Hour)
	if got := c.fetch(p.SID).Status; got != gen.BundleStatusTwilioApproved {
		t.Errorf("the status is %s", got)
	}
	var seen []apitest.Callback
	var after []time.Duration
	for _, call := range s.Callbacks() {
		if !call.Sent || call.URL != r.url || (call.Error == "") != (call.StatusCode == http.StatusOK) {
			t.Errorf("recorded is %+v", call)
		}
		after = append(after, call.At.Sub(start))
		seen = append(seen, apitest.Callback{Form: call.Form, Signature: call.Signature, IdempotencyToken: call.IdempotencyToken})
	}
	if diff := cmp.Diff(r.received, seen); diff != "" {
		t.Errorf("the recorded callbacks differ (-received +recorded):\n%s", diff)
	}
	// The review does not wait for callbacks; each callback waits for the one before.
	want := []time.Duration{0, 5 * time.Second, 305 * time.Second, 305 * time.Second, 305 * time.Second}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("attempts after (-want +got):\n%s", diff)
	}
}

func TestTwilioRetries(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, apitest.WithTwilioRetries())
	c := newCaller(t, s)
	c.submit(c.create("a@acme.example", newReceiver(t, 3).url).SID)
	s.Advance(100 * time.Hour)
	if got := len(s.Callbacks()); got != 3 { // no retry if the receiver responds
		t.Errorf("%d attempts", got)
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, manual := range []bool{false, true} {
		var options []apitest.Option
		if manual {
			options = append(options, apitest.WithManualReview())
		}
		s := apitest.New(t, options...)
		c := newCaller(t, s)
		yes, no := c.create("a@acme.example", ""), c.create("b@acme.example", "https://acme.example/")
		c.submit(yes.SID)
		c.submit(no.SID)
		if manual {
			s.Advance(1000 * time.Hour)
		}
		s.Approve(yes.SID)
		s.Reject(no.SID, 18602, 18603)
		if got := c.fetch(yes.SID); got.Status != gen.BundleStatusTwilioApproved || got.ValidUntil == nil {
			t.Errorf("manual %v: approved, the status is %s until %v", manual, got.Status, got.ValidUntil)
		}
		if got := c.fetch(no.SID); !slices.Equal(got.Errors, []gen.BundleError{{Code: 18602}, {Code: 18603}}) {
			t.Errorf("manual %v: rejected, the errors are %v", manual, got.Errors)
		}
		if got := statuses(s.Callbacks()); !slices.Equal(got, []string{"pending-review", "in-review", "twilio-rejected"}) {
			t.Errorf("manual %v: the callbacks were %v", manual, got)
		}
	}
}

// failing is a testing.TB that records a failure instead of failing the test.
type failing struct {
	testing.TB
	failed  bool
	failure string // the text of the last one
}

func (f *failing) Helper() {}
func (f *failing) Fatalf(format string, args ...any) {
	f.failed, f.failure = true, fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestInvalidDecisions(t *testing.T) {
	t.Parallel()
	watched := &failing{TB: t}
	s := apitest.New(watched)
	c := newCaller(t, s)
	sid := c.create("a@acme.example", "").SID
	c.submit(c.create("b@acme.example", "").SID)
	for name, decide := range map[string]func(){
		"approve a draft":          func() { s.Approve(sid) },
		"reject a draft":           func() { s.Reject(sid, 18601) },
		"approve what there isn't": func() { s.Approve("BUffffffffffffffffffffffffffffffff") },
	} {
		watched.failed = false
		done := make(chan struct{})
		go func() {
			defer close(done)
			decide()
		}()
		<-done
		if !watched.failed {
			t.Errorf("%s does not fail the test", name)
		}
	}
	s.Advance(time.Minute) // which must not deadlock
}

// TestReceiverThatCallsTheAPI fetches the product while it handles the callback, as applications do.
func TestReceiverThatCallsTheAPI(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	var seen []gen.BundleStatus
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, c.fetch(r.PostFormValue("BundleSid")).Status) // no lock: callbacks of a product are sent one at a time
	}))
	t.Cleanup(server.Close)
	p := c.create("a@acme.example", server.URL)
	c.product(http.MethodPost, "/v1/TrustProducts/"+p.SID, url.Values{"Status": {"pending-review"}})
	s.Advance(time.Minute)
	if len(seen) != 3 || seen[2] != gen.BundleStatusTwilioApproved {
		t.Errorf("the receiver saw %v", seen)
	}
}

// TestCompliance submits a product with a profile missing in each way.
func TestCompliance(t *testing.T) {
	t.Parallel()
	for how, want := range map[apitest.Compliance]gen.BundleStatus{
		apitest.ComplianceOff:    gen.BundleStatusTwilioApproved,
		apitest.ComplianceReject: gen.BundleStatusTwilioRejected,
	} {
		s := apitest.New(t, apitest.WithCompliance(how))
		c := newCaller(t, s)
		p := c.create("a@acme.example", "")
		c.submit(p.SID)
		s.Advance(time.Minute)
		if got := c.fetch(p.SID); got.Status != want {
			t.Errorf("%s: it is %s with %v", how, got.Status, got.Errors)
		}
	}
}
