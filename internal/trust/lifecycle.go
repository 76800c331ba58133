package trust

import (
	"errors"
	"slices"
	"time"
)

// Actor is who requests a change.
type Actor string

// The actors.
const (
	AccountHolder Actor = "account holder" // the caller of the API
	Reviewer      Actor = "reviewer"       // a person, or the automatic review in their place
	Expiry        Actor = "expiry"         // the passing of ValidUntil
	Operator      Actor = "operator"       // who runs the server; adds accounts and seeds, and changes no status
)

// Actors returns those who change the status of bundles.
func Actors() []Actor { return []Actor{AccountHolder, Reviewer, Expiry} }

// Errors of Apply.
var (
	// ErrStatusChange means that the actor may not set this status now.
	ErrStatusChange = errors.New("this actor cannot change the status to this one now")
	// ErrNotEditable means that the actor may not edit the bundle's other fields in its current status.
	ErrNotEditable = errors.New("the bundle cannot be edited in its current status")
	// ErrNotDeletable means that the bundle is under review.
	ErrNotDeletable = errors.New("the bundle cannot be deleted while it is under review")
	// ErrNoReason means that a reviewer rejected without a code.
	ErrNoReason = errors.New("a rejection needs at least one code")
)

// Step is a row of the status table: By may change a bundle's status from From to To.
type Step struct {
	From Status
	By   Actor
	To   Status
}

// Steps returns the status table: all changes of status that are allowed.
func Steps() []Step {
	return []Step{
		{From: Draft, By: AccountHolder, To: PendingReview},
		{From: PendingReview, By: Reviewer, To: InReview},
		{From: InReview, By: Reviewer, To: TwilioApproved},
		{From: InReview, By: Reviewer, To: TwilioRejected},
		{From: TwilioRejected, By: AccountHolder, To: PendingReview},
		{From: TwilioApproved, By: Expiry, To: TwilioRejected},
	}
}

// Editable reports whether the account holder may change a bundle's other fields in this status.
func (s Status) Editable() bool { return s == Draft || s == TwilioRejected }

// Deletable returns ErrNotDeletable if the account holder may not delete a bundle in this status.
func (s Status) Deletable() error {
	if s == PendingReview || s == InReview {
		return ErrNotDeletable
	}
	return nil
}

// Change is a requested change. A nil field stays as it is; an empty StatusCallback removes it.
type Change struct {
	FriendlyName   *string
	Email          *string
	StatusCallback *string
	Status         *Status
	Reasons        []int  // rejection codes, with a reviewer's TwilioRejected
	RequestID      string // of the API request, empty without one
	TraceParent    string // of the API request, which its notices have; empty without one
}

// Outcome is the result of a change. It must be stored as a whole or not at all.
type Outcome struct {
	Bundle     Bundle
	Changed    bool        // if false, there is nothing to store but the Evaluation
	Notices    []Notice    // to be sent in this order on each channel; the store assigns their ids
	Events     []Event     // for the bundle's history, in this order; the store adds which bundle it is, and their numbers
	Evaluation *Evaluation // to be stored too, nil for none
	Refused    error       // why only the Evaluation is stored and the change is refused, nil if it is not

	// Judge returns the outcome that takes the place of this one, given what is assigned to the bundle when the change is
	// stored. It is nil if that does not matter.
	Judge func(Assigned) Outcome
}

// Policy is the operator's configuration of the lifecycle.
type Policy struct {
	AutoReview  bool          // review without people
	ReviewDelay time.Duration // from the start of the review to the decision, with AutoReview
	ValidFor    time.Duration // from approval to ValidUntil
	Compliance  Enforcement   // what a submission does about a bundle that does not comply
}

// Apply returns the outcome of a change to b, or ErrStatusChange, ErrNotEditable, ErrNoReason or ErrPrimary. The change is made
// as a whole or not at all. Whether edits are allowed depends on the status before the change. A change that sets only current
// values is allowed, except for a Primary, and does nothing, so that a request can be repeated; a rejection with other reasons is
// not such a change.
func (policy Policy) Apply(b Bundle, c Change, by Actor, now time.Time) (Outcome, error) {
	if err := b.Restricted(); err != nil && by == AccountHolder {
		return Outcome{}, err
	}
	next := b
	edited := set(&next.FriendlyName, c.FriendlyName)
	edited = set(&next.Email, c.Email) || edited
	edited = set(&next.StatusCallback, c.StatusCallback) || edited
	moved := set(&next.Status, c.Status)
	rejectedAnew := c.Status != nil && !moved && b.Status == TwilioRejected &&
		len(c.Reasons) > 0 && !sameCodes(c.Reasons, b.Errors)

	switch {
	case rejectedAnew:
		return Outcome{}, ErrStatusChange
	case !edited && !moved:
		return Outcome{Bundle: b}, nil
	case moved && !slices.Contains(Steps(), Step{From: b.Status, By: by, To: next.Status}):
		return Outcome{}, ErrStatusChange
	case edited && (by != AccountHolder || !b.Status.Editable()):
		return Outcome{}, ErrNotEditable
	case moved && by == Reviewer && next.Status == TwilioRejected && len(c.Reasons) == 0:
		return Outcome{}, ErrNoReason
	}
	next.Updated = now
	outcome := Outcome{Changed: true}
	if moved {
		policy.applyStatus(&next, c.Reasons, now)
		outcome.Notices = notices(next, c.TraceParent, now)
	}
	outcome.Bundle = next
	outcome.Events = []Event{updated(b, next, Origin{by, c.RequestID, now})}
	return outcome, nil
}

// Decide returns the outcome of a reviewer's decision, TwilioApproved or TwilioRejected. A bundle that is pending review enters
// review and is decided in one step, with notices and events of both changes. The errors are those of Apply.
func (policy Policy) Decide(b Bundle, decision Change, now time.Time) (Outcome, error) {
	if b.Status != PendingReview {
		return policy.Apply(b, decision, Reviewer, now)
	}
	review := Change{Status: new(InReview), RequestID: decision.RequestID, TraceParent: decision.TraceParent}
	taken, err := policy.Apply(b, review, Reviewer, now)
	if err != nil {
		return Outcome{}, err
	}
	decided, err := policy.Apply(taken.Bundle, decision, Reviewer, now)
	if err != nil {
		return Outcome{}, err
	}
	decided.Notices = append(taken.Notices, decided.Notices...)
	decided.Events = append(taken.Events, decided.Events...)
	return decided, nil
}

// applyStatus sets the fields that depend on b's new status, and when b is due.
func (policy Policy) applyStatus(b *Bundle, reasons []int, now time.Time) {
	b.Due = time.Time{}
	if delay, ok := policy.reviewDelay(*b); ok {
		b.Due = now.Add(delay)
	}
	switch b.Status {
	case PendingReview:
		b.Errors, b.ValidUntil, b.Noncompliance = nil, time.Time{}, 0
	case TwilioApproved:
		b.Noncompliance = 0
		b.ValidUntil = now.Add(policy.ValidFor)
		b.Due = b.ValidUntil
	case TwilioRejected:
		b.Errors, b.Noncompliance = once(reasons), 0
	case InReview, Draft: // nothing returns to a draft
	}
}

// reviewDelay returns how long after b entered its status the automatic review takes its next step, or false if it takes none.
func (policy Policy) reviewDelay(b Bundle) (time.Duration, bool) {
	if !policy.AutoReview {
		return 0, false
	}
	values := readTestValues(b.Email)
	switch {
	case b.Status == PendingReview:
		return 0, true
	case b.Status != InReview || values.hold:
		return 0, false
	case values.slow:
		return slowFactor * policy.ReviewDelay, true
	}
	return policy.ReviewDelay, true
}

// Reschedule moves the next step of a review to one delay from now if it is scheduled later: by a clock that was set back since,
// or with a longer delay.
func (policy Policy) Reschedule(b Bundle, now time.Time) Outcome {
	delay, ok := policy.reviewDelay(b)
	if !ok || !b.Due.After(now.Add(delay)) {
		return Outcome{Bundle: b}
	}
	b.Due = now.Add(delay)
	return Outcome{Bundle: b, Changed: true}
}

// Advance returns the outcome of the passing of time: nothing before b.Due, then the next step of the review or the end of the
// approval. A review that started automatically waits for people if the policy has changed to that.
func (policy Policy) Advance(b Bundle, now time.Time) (Outcome, error) {
	if b.Due.IsZero() || b.Due.After(now) {
		return Outcome{Bundle: b}, nil
	}
	switch {
	case b.Status == TwilioApproved:
		return policy.Apply(b, Change{Status: new(TwilioRejected)}, Expiry, now)
	case policy.AutoReview && b.Status == PendingReview:
		return policy.Apply(b, Change{Status: new(InReview)}, Reviewer, now)
	case policy.AutoReview && b.Status == InReview:
		if reasons := rejectionCodes(b); len(reasons) > 0 {
			return policy.Apply(b, Change{Status: new(TwilioRejected), Reasons: reasons}, Reviewer, now)
		}
		return policy.Apply(b, Change{Status: new(TwilioApproved)}, Reviewer, now)
	}
	b.Due = time.Time{}
	return Outcome{Bundle: b, Changed: true}, nil
}

// notices returns the notices of b's new status.
func notices(b Bundle, traceParent string, now time.Time) []Notice {
	notice := Notice{
		Channel:      Email,
		Target:       b.Email,
		AccountSID:   b.AccountSID,
		BundleSID:    b.SID,
		BundleKind:   b.Kind,
		FriendlyName: b.FriendlyName,
		Status:       b.Status,
		Errors:       b.Errors,
		Created:      now,
		TraceParent:  traceParent,
	}
	all := []Notice{notice}
	if b.StatusCallback != "" {
		notice.Channel, notice.Target = Callback, b.StatusCallback
		all = append(all, notice)
	}
	return all
}

// once returns the codes without duplicates.
func once(codes []int) []int {
	var all []int
	for _, code := range codes {
		if !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	return all
}

// sameCodes reports whether both have the same codes, in any order and number.
func sameCodes(a, b []int) bool {
	return !slices.ContainsFunc(a, func(code int) bool { return !slices.Contains(b, code) }) &&
		!slices.ContainsFunc(b, func(code int) bool { return !slices.Contains(a, code) })
}

// set sets *field to *to and reports whether that changed it. A nil to changes nothing.
func set[T comparable](field *T, to *T) bool {
	if to == nil || *to == *field {
		return false
	}
	*field = *to
	return true
}
