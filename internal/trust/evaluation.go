package trust

import "time"

// Evaluation is what was found when a bundle was compared with a policy. It never changes.
type Evaluation struct {
	SID        string // "EL" and 32 hex digits
	AccountSID string // the bundle's
	PolicySID  string // need not be the bundle's own policy
	BundleSID  string
	Status     Compliance
	Results    []Result // one for each requirement of the policy
	Created    time.Time
}

// FirstCode returns the error code of the first result that has not passed, 0 if all have.
func (e Evaluation) FirstCode() int {
	for _, r := range e.Results {
		if r.ErrorCode != nil {
			return *r.ErrorCode
		}
	}
	return 0
}

// Compliance is the outcome of an evaluation. The values are those of the API.
type Compliance string

// The two outcomes.
const (
	Compliant    Compliance = "compliant"
	Noncompliant Compliance = "noncompliant"
)

// Result says whether a bundle fulfills one requirement of a policy. Its JSON is that of the API.
type Result struct {
	FriendlyName            string         `json:"friendly_name"`
	ObjectType              string         `json:"object_type"`
	Passed                  bool           `json:"passed"`
	FailureReason           *string        `json:"failure_reason"` // nil if passed
	ErrorCode               *int           `json:"error_code"`     // nil if passed
	Valid                   []ValidField   `json:"valid"`          // never nil
	Invalid                 []InvalidField `json:"invalid"`        // never nil
	RequirementFriendlyName string         `json:"requirement_friendly_name"`
	RequirementName         string         `json:"requirement_name"`
}

// ValidField names a field that is as its requirement wants it. NewValidField sets what the API says of each of them.
type ValidField struct {
	FriendlyName  string  `json:"friendly_name"`
	ObjectField   string  `json:"object_field"`
	Passed        bool    `json:"passed"`         // true
	ErrorCode     *int    `json:"error_code"`     // nil
	FailureReason *string `json:"failure_reason"` // nil
}

// NewValidField returns a field that has passed.
func NewValidField(friendlyName, objectField string) ValidField {
	return ValidField{FriendlyName: friendlyName, ObjectField: objectField, Passed: true}
}

// InvalidField says what is wrong with a field.
type InvalidField struct {
	FriendlyName  string `json:"friendly_name"`
	ObjectField   string `json:"object_field"`
	FailureReason string `json:"failure_reason"`
	ErrorCode     int    `json:"error_code"`
}

// The error codes of results and of their invalid fields.
const (
	CodeEndUserMissing  = 22214
	CodeEndUserField    = 22215 // missing or invalid
	CodeDocumentMissing = 22216 // also a missing bundle
	CodeDocumentField   = 22217 // missing or invalid; also the status of a bundle
	CodeDocumentAddress = 22219 // missing or invalid
)
