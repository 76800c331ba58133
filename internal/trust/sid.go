package trust

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"time"
)

// The prefixes of SIDs.
const (
	AccountPrefix            = "AC"
	BundlePrefix             = "BU"
	EndUserPrefix            = "IT"
	SupportingDocumentPrefix = "RD"
	AssignmentPrefix         = "BV" // of an object to a bundle
	ChannelEndpointPrefix    = "RA" // of the assignment of an endpoint, which has a SID of its own
	EvaluationPrefix         = "EL"
	PolicyPrefix             = "RN"
	APIKeyPrefix             = "SK"
	TypePrefix               = "OY" // of an end user type or a supporting document type
	AddressPrefix            = "AD" // of another API
	PhoneNumberPrefix        = "PN" // of another API
)

// NewSID returns prefix and 32 lower-case hex digits. The first 16 digits are the time in units of 1/65536 ms (15 ns), so
// that SIDs created later sort later and an index on them grows at its end; the other 16 are random (64 bits).
func NewSID(prefix string, now time.Time) string {
	var b [16]byte
	inMilli := uint64(now.Nanosecond() % int(time.Millisecond)) //nolint:gosec // G115: Nanosecond is 0 or more
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16|inMilli<<16/uint64(time.Millisecond))
	_, _ = rand.Read(b[8:]) // never fails: crypto/rand ends the program instead
	return prefix + hex.EncodeToString(b[:])
}

var accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// ValidAccountSID reports whether s has the form of an account SID.
func ValidAccountSID(s string) bool { return accountSID.MatchString(s) }

var apiKeySID = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)

// ValidAPIKeySID reports whether s has the form of the SID of an API key.
func ValidAPIKeySID(s string) bool { return apiKeySID.MatchString(s) }

var authToken = regexp.MustCompile(`^[0-9a-zA-Z]{1,128}$`)

// ValidAuthToken reports whether s can serve as an auth token: letters and digits only, since the official Go SDK refuses
// anything else.
func ValidAuthToken(s string) bool { return authToken.MatchString(s) }

// NewAuthToken returns 32 random hex digits, the form of Twilio's own tokens.
func NewAuthToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
