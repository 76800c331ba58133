package trust

import (
	"errors"
	"slices"
	"time"
)

// Actor is who asks for a change.
type Actor string

// AccountHolder is the caller of the API.
const AccountHolder Actor = "account holder"

// What Apply refuses a change with.
var (
	// ErrStatusChange says that the actor may not set this status now.
	ErrStatusChange = errors.New("the status cannot be set to this by this actor now")
	// ErrNotEditable says that the product's other fields are fixed in its present status.
	ErrNotEditable = errors.New("the product cannot be edited in its present status")
)

// Step is one row of the status table: By may take a product from From to To.
type Step struct {
	From Status
	By   Actor
	To   Status
}

// Steps returns the status table: every change of status there is.
func Steps() []Step {
	return []Step{
		{From: Draft, By: AccountHolder, To: PendingReview},
	}
}

// Editable tells whether the account holder may change a product's other fields in this status.
func (s Status) Editable() bool { return s == Draft }

// Change is what someone asks for. A nil field stays as it is; an empty StatusCallback removes it.
type Change struct {
	FriendlyName   *string
	Email          *string
	StatusCallback *string
	Status         *Status
}

// Outcome is what a change leads to.
type Outcome struct {
	Product Product
	Changed bool // false: Product is as it was, and there is nothing to store
}

// Apply answers what becomes of p, or why the change cannot be made: ErrStatusChange, ErrNotEditable. The whole change
// is made or none of it. Edits count in the status that p has before it. A change that sets only what is already so is
// always allowed and does nothing, so a repeated request does no harm.
func Apply(p Product, c Change, by Actor, now time.Time) (Outcome, error) {
	next := p
	edited := set(&next.FriendlyName, c.FriendlyName)
	edited = set(&next.Email, c.Email) || edited
	edited = set(&next.StatusCallback, c.StatusCallback) || edited
	moved := set(&next.Status, c.Status)

	switch {
	case !edited && !moved:
		return Outcome{Product: p}, nil
	case moved && !slices.Contains(Steps(), Step{From: p.Status, By: by, To: next.Status}):
		return Outcome{}, ErrStatusChange
	case edited && !p.Status.Editable():
		return Outcome{}, ErrNotEditable
	}
	next.Updated = now
	return Outcome{Product: next, Changed: true}, nil
}

// set writes *to into field and tells whether that changed it. A nil to changes nothing.
func set[T comparable](field *T, to *T) bool {
	if to == nil || *to == *field {
		return false
	}
	*field = *to
	return true
}
