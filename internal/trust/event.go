package trust

import "time"

// Origin says who made a change, when, and in which request.
type Origin struct {
	By        Actor
	RequestID string // the Twilio-Request-Id of the API request, empty without one
	At        time.Time
}

// Event is one change of a bundle, for the bundle's history. It names what has changed, but has no value that the account holder
// has given.
type Event struct {
	Origin

	Type       EventType
	BundleSID  string
	BundleKind Kind
	AccountSID string // the bundle's
	Number     int64  // in the history of its bundle, which begins with 1, the creation
	Position   int64  // among the events of all bundles, 0 before it has one

	From, To  Status   // of a change of the status, otherwise empty
	Fields    []string // the names of the other fields that an Updated changed
	Errors    []int    // the codes of a rejection
	ObjectSID string   // of what was assigned, unassigned, updated or made: an object, a channel endpoint or an evaluation
}

// EventType is what an event reports.
type EventType string

// The types of events.
const (
	EventCreated            EventType = "created"
	EventSeeded             EventType = "seeded"              // the bundle was stored by a seed file, in the status To
	EventUpdated            EventType = "updated"             // the status, other fields, or both
	EventAssigned           EventType = "assigned"            // an object, to the bundle
	EventUnassigned         EventType = "unassigned"          // also because the object was deleted
	EventObjectUpdated      EventType = "object-updated"      // an object that is assigned to the bundle
	EventEndpointAssigned   EventType = "endpoint-assigned"   // a channel endpoint
	EventEndpointUnassigned EventType = "endpoint-unassigned" // a channel endpoint
	EventEvaluated          EventType = "evaluated"
	EventDeleted            EventType = "deleted"
)

// CreationOf returns the event of a bundle's creation, which is not stored, because the bundle tells it.
func CreationOf(b Bundle) Event {
	by := AccountHolder
	if b.IsPrimary() {
		by = Operator
	}
	return Event{
		Origin: Origin{By: by, At: b.Created}, Type: EventCreated, BundleSID: b.SID, BundleKind: b.Kind, AccountSID: b.AccountSID,
		Number: 1,
	}
}

// updated returns the event of a change from one state of a bundle to the next.
func updated(from, next Bundle, o Origin) Event {
	e := Event{Origin: o, Type: EventUpdated}
	for _, field := range []struct {
		name    string
		changed bool
	}{
		{"friendly_name", from.FriendlyName != next.FriendlyName},
		{"email", from.Email != next.Email},
		{"status_callback", from.StatusCallback != next.StatusCallback},
	} {
		if field.changed {
			e.Fields = append(e.Fields, field.name)
		}
	}
	if from.Status != next.Status {
		e.From, e.To = from.Status, next.Status
		if next.Status == TwilioRejected {
			e.Errors = next.Errors
		}
	}
	return e
}
