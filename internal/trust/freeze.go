package trust

import (
	"errors"
	"slices"
)

// ErrAssignmentsFrozen says that the bundle's status allows no change to what is assigned to it.
var ErrAssignmentsFrozen = errors.New("the bundle's entity assignments cannot be changed in its present status")

// FrozenError says that an object cannot be changed because of the status of a bundle that it is assigned to.
type FrozenError struct{ Change ObjectChange }

// Error returns the text of the API.
func (e *FrozenError) Error() string {
	return "Cannot " + string(e.Change) + ". A bundle it belongs to is in an immutable state."
}

// ObjectChange is what is to be done with an object, in the words of the API's errors.
type ObjectChange string

// The changes. The words of the first are Twilio's.
const (
	UpdateEndUser            ObjectChange = "update end-user"
	DeleteEndUser            ObjectChange = "delete end-user"
	UpdateSupportingDocument ObjectChange = "update supporting document"
	DeleteSupportingDocument ObjectChange = "delete supporting document"
	DeleteBundle             ObjectChange = "delete bundle" // which is assigned to another one
)

// AssignmentsFrozen returns ErrAssignmentsFrozen if objects can be neither assigned to a bundle in this status nor taken
// from it. Channel endpoints can be assigned in every status.
func (s Status) AssignmentsFrozen() error {
	if !s.Editable() {
		return ErrAssignmentsFrozen
	}
	return nil
}

// Allowed returns a *FrozenError if the change cannot be made to an object that is assigned to bundles in these statuses.
func (c ObjectChange) Allowed(statuses []Status) error {
	if slices.ContainsFunc(statuses, func(s Status) bool { return !s.Editable() }) {
		return &FrozenError{c}
	}
	return nil
}
