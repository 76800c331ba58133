package trust

import (
	"fmt"
	"strings"
	"time"
)

// Channel is a way to tell a customer of a change.
type Channel string

// The two channels.
const (
	Callback Channel = "callback" // an HTTP request to the bundle's StatusCallback
	Email    Channel = "email"    // a message to the bundle's Email
)

// Channels returns the two channels.
func Channels() []Channel { return []Channel{Callback, Email} }

// Notice tells of one change of a bundle's status, over one channel. It holds the bundle as it was right after the
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
}

// NoticePrefix is the prefix of the ids of notices.
const NoticePrefix = "ND"

// FailureReason says why the bundle was rejected, empty if it was not.
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

// Attempt is one try to deliver a notice, kept so that "why did it not come" can be answered.
type Attempt struct {
	Started    time.Time
	Duration   time.Duration
	Verdict    Verdict
	Connected  bool          // whether the receiver could be reached at all
	StatusCode int           // of HTTP or SMTP, 0 without an answer
	RetryAfter time.Duration // that the receiver asked for, 0 if it did not
	Answer     string        // the first bytes of what it answered
	Error      string        // what went wrong, empty after success
}
