package trust

import (
	"errors"
	"slices"
)

// What a change to the contents of a bundle is refused with.
var (
	// ErrAssignmentsFrozen says that the bundle's status allows no change to what is assigned to it.
	ErrAssignmentsFrozen = errors.New("the bundle's entity assignments cannot be changed in its present status")
	// ErrObjectFrozen says that an object cannot be changed or deleted because of a bundle that it is assigned to.
	ErrObjectFrozen = errors.New("a bundle that the object is assigned to is in an immutable state")
)

// AssignmentsFrozen returns ErrAssignmentsFrozen if objects can be neither assigned to a bundle in this status nor taken
// from it. Channel endpoints can be assigned in every status.
func (s Status) AssignmentsFrozen() error {
	if !s.Editable() {
		return ErrAssignmentsFrozen
	}
	return nil
}

// ObjectFrozen returns ErrObjectFrozen if an object can be neither changed nor deleted. The statuses are those of the
// bundles that it is assigned to.
func ObjectFrozen(statuses []Status) error {
	if slices.ContainsFunc(statuses, func(s Status) bool { return !s.Editable() }) {
		return ErrObjectFrozen
	}
	return nil
}
