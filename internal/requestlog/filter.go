package requestlog

import (
	"slices"
	"strings"
)

// Filter selects requests. Zero fields match all.
type Filter struct {
	AccountSID  string // of the account, or claimed without valid credentials
	Status      int    // such as 404
	StatusClass int    // such as 4, for 400 to 499
	Refused     bool   // only those with a status of 400 and above
	Code        int    // of the error
	Operation   string
	BundleSID   string // in the path or as a parameter, so the request that created the bundle does not match
}

func (f Filter) matches(e *Entry) bool {
	return (f.AccountSID == "" || f.AccountSID == e.AccountSID || f.AccountSID == e.ClaimedAccountSID) &&
		(f.Status == 0 || f.Status == e.Status) &&
		(f.StatusClass == 0 || f.StatusClass == e.Status/100) &&
		(!f.Refused || e.Status >= 400) &&
		(f.Code == 0 || f.Code == e.Code) &&
		(f.Operation == "" || f.Operation == e.Operation) &&
		(f.BundleSID == "" || e.names(f.BundleSID))
}

// names reports whether a SID is in the path or the value of a parameter.
func (e *Entry) names(sid string) bool {
	return strings.Contains(e.Path, sid) ||
		slices.ContainsFunc(e.Parameters, func(p Parameter) bool { return p.Value == sid })
}
