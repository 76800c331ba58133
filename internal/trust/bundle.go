// Package trust is the domain: what a bundle is and what can be assigned to it, who may change what in which status, and what
// a change causes. Package catalog evaluates a bundle against a policy.
//
// Its functions depend on their arguments alone: no I/O, no clock, standard library only. It does not validate the form of
// parameters, which the contract does before, and it stores nothing.
package trust

import "time"

// Bundle is one Trust Product or Customer Profile. Twilio calls both bundles: they share the prefix of their SIDs, the
// lifecycle and the callbacks.
type Bundle struct {
	SID            string // "BU" and 32 hex digits
	Kind           Kind
	AccountSID     string // "AC" and 32 hex digits
	PolicySID      string // "RN" and 32 hex digits
	FriendlyName   string
	Email          string
	StatusCallback string // an absolute http(s) URL, empty for none
	Status         Status
	ValidUntil     time.Time // zero until approved
	Errors         []int     // rejection codes, nil unless rejected
	Noncompliance  int       // with which code the automatic review is to reject it, 0 for none; see Policy.Update
	Created        time.Time
	Updated        time.Time // when anything above last changed
	Due            time.Time // when the status changes next by itself (see Policy.Advance), zero for never
}

// Kind is the kind of a bundle. A bundle of one kind cannot be found as the other.
type Kind string

// The two kinds.
const (
	TrustProduct    Kind = "trust-product"
	CustomerProfile Kind = "customer-profile"
)

// Name returns the name of this kind in messages.
func (k Kind) Name() string {
	if k == CustomerProfile {
		return "Customer Profile"
	}
	return "Trust Product"
}

// Status is the status of a bundle. The values are those of the API.
type Status string

// The five statuses.
const (
	Draft          Status = "draft"
	PendingReview  Status = "pending-review"
	InReview       Status = "in-review"
	TwilioRejected Status = "twilio-rejected"
	TwilioApproved Status = "twilio-approved"
)

// Statuses returns all of them, in the order of a bundle's life.
func Statuses() []Status {
	return []Status{Draft, PendingReview, InReview, TwilioRejected, TwilioApproved}
}

// NewBundle returns a draft, created and updated at now.
func NewBundle(kind Kind, sid, accountSID, policySID, friendlyName, email, statusCallback string, now time.Time) Bundle {
	return Bundle{
		SID:            sid,
		Kind:           kind,
		AccountSID:     accountSID,
		PolicySID:      policySID,
		FriendlyName:   friendlyName,
		Email:          email,
		StatusCallback: statusCallback,
		Status:         Draft,
		Created:        now,
		Updated:        now,
	}
}
