package trust

import (
	"fmt"
	"strings"
	"time"
)

// Channel is a way to notify a customer of a change.
type Channel string

// The two channels.
const (
	Callback Channel = "callback" // an HTTP request to the bundle's StatusCallback
	Email    Channel = "email"    // a message to the bundle's Email
)

// Channels returns the two channels.
func Channels() []Channel { return []Channel{Callback, Email} }

// Notice is the notification of one change of a bundle's status on one channel. It holds the bundle's values right after the
// change, so that a later edit does not change what an earlier notice says or where it goes.
type Notice struct {
	ID           string // "ND" and 32 hex digits; also the idempotency token of a callback
	Channel      Channel
	Target       string // the URL or the e-mail address
	AccountSID   string
	BundleSID    string
	BundleKind   Kind
	FriendlyName string
	Status       Status
	Errors       []int // rejection codes, nil unless rejected
	Created      time.Time
	TraceParent  string // the W3C traceparent of the request that made the change, empty without one
}

// NoticePrefix is the prefix of the ids of notices.
const NoticePrefix = "ND"

// FailureReason returns why the bundle was rejected, or an empty string.
func (n Notice) FailureReason() string {
	if n.Status != TwilioRejected {
		return ""
	}
	if len(n.Errors) == 0 {
		return "The approval has expired."
	}
	reasons := make([]string, len(n.Errors))
	for i, code := range n.Errors {
		reasons[i] = fmt.Sprintf("%d: %s", code, Rejection(code).Meaning)
	}
	return strings.Join(reasons, " ")
}

// Verdict is what an attempt to deliver a notice means for the next one.
type Verdict string

// The verdicts.
const (
	Delivered Verdict = "delivered" // the receiver has it
	TryAgain  Verdict = "try-again" // it may succeed later
	Refused   Verdict = "refused"   // it will never succeed
	NotSent   Verdict = "not-sent"  // there is no way to send it: mail is off, or the target is not an address
)

// Attempt is one attempt to deliver a notice. It is kept to show why a notice did not arrive.
type Attempt struct {
	Started    time.Time
	Duration   time.Duration
	Verdict    Verdict
	Connected  bool          // whether the receiver could be reached at all
	Connecting time.Duration // the part of Duration before that; it is not kept
	StatusCode int           // of HTTP or SMTP, 0 without a response
	RetryAfter time.Duration // as requested by the receiver, or 0
	Answer     string        // the first bytes of the response
	Error      string        // what went wrong, empty after success
}
