package trust

import (
	"errors"
	"strings"
)

// PrimaryPolicySID is the policy of Primary Customer Profiles.
//
// Each account has one, which is approved from the moment that the account exists. It says who the account's owner is, so every
// other profile stands on one: on its own account's, or on that of another account, as those of sub-accounts do. It never
// changes and never expires. The API can only read it, assign it to other bundles, and manage its channel endpoints.
const PrimaryPolicySID = "RN6433641899984f951173ef1738c3bdd0"

// ErrPrimary means that the account holder may not create or change a Primary Customer Profile.
var ErrPrimary = errors.New("the account holder cannot create or change a Primary Customer Profile")

// PrimarySID returns the SID of an account's Primary Customer Profile. It follows from the account's, so that it is the same
// everywhere.
func PrimarySID(accountSID string) string {
	return BundlePrefix + strings.TrimPrefix(accountSID, AccountPrefix)
}

// IsPrimary reports whether b is a Primary Customer Profile.
func (b Bundle) IsPrimary() bool { return b.Kind == CustomerProfile && b.PolicySID == PrimaryPolicySID }

// Restricted returns ErrPrimary if the account holder may not create, update or delete b, nor change its entity assignments.
func (b Bundle) Restricted() error {
	if b.IsPrimary() {
		return ErrPrimary
	}
	return nil
}
