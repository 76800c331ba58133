package apitest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

// Target is an implementation of the contract, and what it promises beyond that. Cases that need more than it promises are
// skipped, and say so.
type Target struct {
	BaseURL  string // what comes before /v1, for example http://127.0.0.1:8080
	Username string // an account SID, or the SID of an API key
	Password string // its auth token or secret

	// AccountSID is the account that the credentials belong to. Empty means Username.
	AccountSID string

	// OtherUsername and OtherPassword belong to another account, to see that the two are strangers. They may be empty.
	OtherUsername, OtherPassword string

	// PolicySIDs are two policies that the account may use. Empty means two of the public ones.
	PolicySIDs [2]string

	// StandIn says that the target does as this project has chosen where the real service's behaviour is not public
	// (docs/fidelity.md): what is refused, with which codes, in which order lists are. Whatever is mounted with api.New
	// does most of it already.
	StandIn bool

	// Idempotency says that creates with one Idempotency-Key make one product.
	Idempotency bool

	// Lifecycle says that a product may be submitted, and then goes through the status table. Leave it false for the real
	// service, where people would have to review what the suite submits.
	Lifecycle bool

	// Advance has the target live through a time: it returns when what that made due is done, as Server.Advance does. With
	// it and Lifecycle, a product is decided within ReviewTime as its e-mail address asks (name+reject-18601@…) and
	// callbacks arrive on this machine.
	Advance func(time.Duration)

	// ReviewTime is at least as long as the target's review takes. 0 means a minute.
	ReviewTime time.Duration

	// Client sends the requests. Nil means one of the suite's own.
	Client *http.Client
}

// need is what a case asks of a target, a set of the following.
type need uint8

const (
	needStandIn need = 1 << iota
	needIdempotency
	needLifecycle
	needTime
	needOther
)

// missing says which of the needs the target does not meet, empty if it meets all.
func (t Target) missing(n need) string {
	var reasons []string
	for _, one := range []struct {
		need need
		met  bool
		why  string
	}{
		{needStandIn, t.StandIn, "a behaviour that is chosen by this project (Target.StandIn)"},
		{needIdempotency, t.Idempotency, "idempotency keys (Target.Idempotency)"},
		{needLifecycle, t.Lifecycle, "the review's status table (Target.Lifecycle)"},
		{needTime, t.Advance != nil, "time that passes when asked to (Target.Advance)"},
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

// conformanceCase is one thing that the contract promises.
type conformanceCase struct {
	name  string
	needs need
	run   func(s *suite)
}

// Conformance runs what the contract promises against the target, each case as a subtest of its own, and holds every answer
// against openapi.yaml. What it creates it deletes again, unless that is under review by then.
func Conformance(t *testing.T, target Target) {
	t.Helper()
	target = target.withDefaults()
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if target.Client == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: concurrent}
		t.Cleanup(transport.CloseIdleConnections)
		target.Client = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	for _, group := range []struct {
		name  string
		cases []conformanceCase
	}{
		{"access", slices.Concat(credentialCases(), pathCases(), headerCases())},
		{"create", createCases()},
		{"fetch", fetchCases()},
		{"list", listCases()},
		{"update", updateCases()},
		{"delete", deleteCases()},
		{"idempotency", idempotencyCases()},
		{"lifecycle", slices.Concat(submissionCases(), reviewCases())},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, one := range group.cases {
				t.Run(one.name, func(t *testing.T) {
					if missing := target.missing(one.needs); missing != "" {
						t.Skip("this needs " + missing)
					}
					one.run(&suite{T: t, target: target, contract: contract})
				})
			}
		})
	}
}

// Target is this server as a target that promises everything.
func (s *Server) Target() Target {
	s.tb.Helper()
	otherSID, otherToken := s.AddAccount()
	return Target{
		BaseURL: s.BaseURL, Username: s.AccountSID, Password: s.AuthToken,
		OtherUsername: otherSID, OtherPassword: otherToken,
		StandIn: true, Idempotency: true, Lifecycle: true, Advance: s.Advance,
	}
}
