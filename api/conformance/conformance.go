// Package conformance is a test suite for implementations of the contract: it calls any base URL and validates every response
// against openapi.yaml.
//
//	func TestBackend(t *testing.T) {
//		server := httptest.NewServer(handler)
//		defer server.Close()
//		conformance.Run(t, conformance.Target{BaseURL: server.URL, Username: accountSID, Password: authToken})
//	}
//
// A descriptor of a few lines (resources.go) describes each resource. Paths, parameters, their rules, filters and the form of a
// page come from the contract. Most cases are the same for every resource; the review of bundles has its own.
//
// The suite links no server and no database. The caller provides a second account and a way to let time pass in [Target].
package conformance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

// Target is an implementation of the contract, and what it promises beyond that. Cases that need more are skipped, with the
// reason. The suite sends many wrong passwords: a target that limits them must not do so while the suite runs.
type Target struct {
	BaseURL  string // what comes before /v1, for example http://127.0.0.1:8080
	Username string // an account SID, or the SID of an API key
	Password string // its auth token or secret

	// AccountSID is the account that the credentials belong to. Empty means Username.
	AccountSID string

	// OtherUsername and OtherPassword are the credentials of another account, which must not see the first one's data. They may
	// be empty.
	OtherUsername, OtherPassword string

	// PolicySIDs are two policies that the account may use. Empty means two of the public ones.
	PolicySIDs [2]string

	// Unimplemented names the operations, DeleteTrustProduct for example, that the target does not implement, or a resource,
	// EndUser for example, for all of its operations. They must return status 501, as those of server.Unimplemented do, and
	// cases that need them are skipped.
	Unimplemented []string

	// StandIn says that the target behaves as this project has chosen where the real service's behavior is not public
	// (docs/fidelity.md): what is refused, with which codes, and the order of lists. Whatever is mounted with api.New does most
	// of it already.
	StandIn bool

	// Idempotency says that creates with the same Idempotency-Key create one resource.
	Idempotency bool

	// Lifecycle says that a bundle can be submitted, and then goes through the status table. Leave it false for the real
	// service, where people would have to review what the suite submits.
	Lifecycle bool

	// Advance lets time pass on the target: it returns when everything that has become due is done, like Advance of an
	// apitest.Server. With it and Lifecycle, a bundle is decided within ReviewTime as its e-mail address asks
	// (name+reject-18601@…) and callbacks arrive on this machine.
	Advance func(time.Duration)

	// ReviewTime is at least as long as the target's review takes. 0 means a minute.
	ReviewTime time.Duration

	// Client sends the requests. Nil means a client of the suite's own.
	Client *http.Client
}

// need is what a case needs from a target, a set of the following.
type need uint8

const (
	needStandIn need = 1 << iota
	needIdempotency
	needLifecycle
	needTime
	needOther
)

// missing returns which of the needs the target does not meet, empty if it meets all.
func (t Target) missing(n need) string {
	var reasons []string
	for _, one := range []struct {
		need need
		met  bool
		why  string
	}{
		{needStandIn, t.StandIn, "behavior that this project has chosen (Target.StandIn)"},
		{needIdempotency, t.Idempotency, "idempotency keys (Target.Idempotency)"},
		{needLifecycle, t.Lifecycle, "the review's status table (Target.Lifecycle)"},
		{needTime, t.Advance != nil, "control over time (Target.Advance)"},
		{needOther, t.OtherUsername != "", "a second account (Target.OtherUsername)"},
	} {
		if n&one.need != 0 && !one.met {
			reasons = append(reasons, one.why)
		}
	}
	return strings.Join(reasons, ", ")
}

func (t Target) withDefaults() Target {
	t.BaseURL = strings.TrimRight(t.BaseURL, "/")
	if t.AccountSID == "" {
		t.AccountSID = t.Username
	}
	if t.PolicySIDs == [2]string{} {
		t.PolicySIDs = [2]string{"RN7a97559effdf62d00f4298208492a5ea", "RNf3db3cd1fe25fcfd3c3ded065c8fea53"}
	}
	if t.ReviewTime == 0 {
		t.ReviewTime = time.Minute
	}
	return t
}

// testCase is one thing that an implementation must do.
type testCase struct {
	name  string
	uses  verbs // the operations that it calls; it does not exist for a resource that lacks one
	child bool  // whether it is only for resources that have a parent
	needs need
	run   func(s *suite)
}

// Run runs the suite against the target: for each resource of the contract, each case is a subtest. What it creates it deletes
// again, unless that cannot be deleted by then.
func Run(t *testing.T, target Target) {
	t.Helper()
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run(t, target.withDefaults(), contract, resources())
}

func run(t *testing.T, target Target, contract *contracttest.Contract, resources []*resource) {
	t.Helper()
	if target.Client == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: concurrent}
		t.Cleanup(transport.CloseIdleConnections)
		target.Client = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	for _, one := range resources {
		t.Run(one.name, func(t *testing.T) {
			described, err := describe(contract.Document(), one)
			if err != nil {
				t.Fatal(err)
			}
			described.run(t, target, contract)
		})
	}
}

func isEmpty(s string) bool { return s == "" }

// run runs the cases for one resource, each as a subtest.
func (d *description) run(t *testing.T, target Target, contract *contracttest.Contract) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"access", slices.Concat(credentialCases(), pathCases(), headerCases())},
		{"create", createCases()},
		{"fetch", fetchCases()},
		{"list", listCases()},
		{"update", updateCases()},
		{"delete", deleteCases()},
		{"idempotency", idempotencyCases()},
		{"lifecycle", nil},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, one := range slices.Concat(group.cases, d.cases[group.name]) {
				if !d.has(one.uses) || (one.child && d.parent == nil) {
					continue
				}
				t.Run(one.name, func(t *testing.T) {
					missing := slices.DeleteFunc([]string{target.missing(one.needs), d.unimplemented(one.uses, target)}, isEmpty)
					if len(missing) > 0 {
						t.Skip("this needs " + strings.Join(missing, ", "))
					}
					one.run(&suite{T: t, target: target, contract: contract, description: d})
				})
			}
		})
	}
}
