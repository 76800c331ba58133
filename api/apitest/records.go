package apitest

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Callback is one attempt to report a change to a bundle's StatusCallback.
type Callback struct {
	At               time.Time  // by the server's clock
	URL              string     // the StatusCallback
	Form             url.Values // AccountSid, BundleSid, Status, and FailureReason after a rejection
	Signature        string     // the X-Twilio-Signature
	IdempotencyToken string     // the I-Twilio-Idempotency-Token, the same on every attempt at one callback
	Sent             bool       // whether it was sent; only callbacks to this machine are
	StatusCode       int        // of the response, 0 without one; 204 if it was not sent
	Error            string     // why it was not delivered; empty if it was
}

// Mail is a message that a real server would have sent to a bundle's Email. No message is sent if the Email is not an address.
// Subject, Text and Raw are in our words: tests that should hold for the real service must not depend on them.
type Mail struct {
	At            time.Time // by the server's clock
	From, To      string
	Subject, Text string
	Raw           string // the message with its headers, as SMTP would send it
	BundleSID     string // of the Trust Product or Customer Profile
	FriendlyName  string
	Status        gen.BundleStatus
	Codes         []int  // of a rejection
	FailureReason string // of a rejection
}

// records has the callbacks and mails so far.
type records struct {
	mu        sync.Mutex
	callbacks []Callback
	mails     []Mail
}

// Callbacks returns every attempt at a callback so far, in the order in which they ended. A callback is not sent before
// Advance, Approve or Reject.
func (s *Server) Callbacks() []Callback {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return slices.Clone(s.records.callbacks)
}

// Mails returns every message so far. Like a callback, it is not sent before Advance, Approve or Reject.
func (s *Server) Mails() []Mail {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return slices.Clone(s.records.mails)
}

func (r *records) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.callbacks, r.mails = nil, nil
}

// caller returns a jobs.Config.Call that sends callbacks and records them.
func (r *records) caller(
	sender *callback.Sender, now func() time.Time,
) func(context.Context, trust.Notice, string) trust.Attempt {
	return func(ctx context.Context, n trust.Notice, authToken string) trust.Attempt {
		attempt := trust.Attempt{Started: now(), Verdict: trust.Delivered, Connected: true, StatusCode: http.StatusNoContent}
		message, err := callback.NewMessage(n, authToken)
		sent := onThisMachine(n.Target)
		if sent || err != nil { // caller.Call returns the error for a URL that cannot be requested
			attempt = sender.Send(ctx, n, authToken)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.callbacks = append(r.callbacks, Callback{
			At: attempt.Started, URL: n.Target, Form: message.Form, Signature: message.Signature,
			IdempotencyToken: n.ID, Sent: sent, StatusCode: attempt.StatusCode, Error: attempt.Error,
		})
		return attempt
	}
}

// mailer returns a jobs.Config.Mail that records messages. As in the server, an invalid address gets none.
func (r *records) mailer(
	composer mail.Composer, now func() time.Time,
) func(context.Context, trust.Notice) trust.Attempt {
	return func(_ context.Context, n trust.Notice) trust.Attempt {
		at := now()
		if !mail.IsAddress(n.Target) {
			return trust.Attempt{Started: at, Verdict: trust.NotSent, Error: mail.NotAnAddress}
		}
		raw, err := composer.Compose(n)
		if err != nil {
			return trust.Attempt{Started: at, Verdict: trust.Refused, Error: err.Error()}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mails = append(r.mails, Mail{
			At: at, From: composer.From(), To: n.Target, Subject: mail.Subject(n), Text: mail.Text(n), Raw: string(raw),
			BundleSID: n.BundleSID, FriendlyName: n.FriendlyName,
			Status: gen.BundleStatus(n.Status), Codes: slices.Clone(n.Errors), FailureReason: n.FailureReason(),
		})
		return trust.Attempt{Started: at, Verdict: trust.Delivered, Connected: true, StatusCode: 250}
	}
}

// onThisMachine reports whether a URL is http and its host is a loopback address or localhost.
func onThisMachine(rawURL string) bool {
	u, err := url.Parse(rawURL)
	return err == nil && u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}
