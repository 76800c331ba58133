package trust

import (
	"encoding/json"
	"time"
)

// EndUser is what an account holder says about a business or a person, such as a registration number or a representative.
type EndUser struct {
	SID          string // "IT" and 32 hex digits
	AccountSID   string
	FriendlyName string
	Type         string          // the machine name of an end user type; it never changes and may be unknown
	Attributes   json.RawMessage `json:",omitempty"` // a JSON object as the account holder wrote it, empty for none
	Created      time.Time
	Updated      time.Time
}

// SupportingDocument is what proves something about a business, such as its address. It has the fields of an EndUser, so
// that one converts to the other.
type SupportingDocument struct {
	SID          string // "RD" and 32 hex digits
	AccountSID   string
	FriendlyName string
	Type         string          // the machine name of a supporting document type; it never changes and may be unknown
	Attributes   json.RawMessage `json:",omitempty"` // a JSON object as the account holder wrote it, empty for none
	Created      time.Time
	Updated      time.Time
}

// Assignment says that an object belongs to a bundle. The API calls it an entity assignment.
type Assignment struct {
	SID        string // "BV" and 32 hex digits
	AccountSID string // the bundle's
	BundleSID  string
	ObjectSID  string // of an end user, a supporting document or another bundle
	ObjectType string // the object's machine name (a bundle's is catalog.BundleType), empty if it has none
	Created    time.Time
}

// ChannelEndpoint says that a phone number, or another endpoint, belongs to a bundle. The API calls it a channel endpoint
// assignment.
type ChannelEndpoint struct {
	SID         string // "RA" and 32 hex digits
	AccountSID  string // the bundle's
	BundleSID   string
	PolicySID   string // the bundle's
	Type        string // "phone-number"
	EndpointSID string // of a phone number: "PN" and 32 hex digits
	Created     time.Time
}

// Assigned is what is assigned to a bundle, in any order.
type Assigned struct {
	EndUsers  []EndUser
	Documents []SupportingDocument
	Bundles   []Bundle
}
