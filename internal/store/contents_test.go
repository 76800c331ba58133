package store_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const userSID = "IT00000000000000000000000000000001"

func endUser() trust.EndUser {
	return trust.EndUser{SID: userSID, AccountSID: accountSID, FriendlyName: "Ada", Type: "t", Created: at, Updated: at}
}

// each runs a test on every engine, with an account, a draft and an end user in it.
func each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		t.Helper()
		check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
		check(t, s.Bundles.Create(t.Context(), draft()))
		check(t, s.EndUsers.Create(t.Context(), endUser()))
		test(t, s)
	})
}

func assign(t *testing.T, s *store.Store, request *store.Request, sid, object string) (trust.Assignment, error) {
	t.Helper()
	return s.Assign(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), request,
		trust.Assignment{SID: sid, AccountSID: accountSID, BundleSID: bundleSID, ObjectSID: object, Created: at}, holder,
		func(trust.Bundle, store.Object) (string, error) { return "t", nil })
}

func evaluate(t *testing.T, s *store.Store, request *store.Request, sid string) (trust.Evaluation, error) {
	t.Helper()
	return s.Evaluate(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), request,
		trust.Evaluation{SID: sid, AccountSID: accountSID, BundleSID: bundleSID, PolicySID: "RN1", Created: at}, holder,
		func(e *trust.Evaluation, assigned trust.Assigned) {
			reason, code := fmt.Sprint(len(assigned.EndUsers), " end users"), trust.CodeEndUserMissing
			e.Status, e.Results = trust.Noncompliant, []trust.Result{{
				FriendlyName: "Ada", FailureReason: &reason, ErrorCode: &code, Valid: []trust.ValidField{trust.NewValidField("First", "first")}, Invalid: []trust.InvalidField{},
			}}
		})
}

func endpoint(t *testing.T, s *store.Store, sid, bundle string) (trust.ChannelEndpoint, error) {
	t.Helper()
	return s.AssignEndpoint(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), nil, trust.ChannelEndpoint{
		SID: sid, AccountSID: accountSID, BundleSID: bundle, Type: "phone-number", EndpointSID: "PN1", Created: at,
	}, holder, anyEndpoint)
}

func anyEndpoint(trust.Bundle, bool) error { return nil }

// An endpoint is on a profile of a bundle if the same account has it on a profile that is assigned to the bundle.
func TestEndpointOnProfile(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID}))
		put := func(sid, account, bundle string, kind trust.Kind) (onProfile bool) {
			refused := errors.New("asked, and refused")
			_, err := s.AssignEndpoint(t.Context(), store.BundlesOf(account, kind), nil, trust.ChannelEndpoint{
				SID: sid, AccountSID: account, BundleSID: bundle, Type: "phone-number", EndpointSID: "PN1", Created: at,
			}, holder, func(b trust.Bundle, on bool) error {
				if onProfile = on; b.SID == bundleSID {
					return refused
				}
				return nil
			})
			if bundle == bundleSID != errors.Is(err, refused) {
				t.Errorf("%s: %v", bundle, err)
			}
			return onProfile
		}
		profile, product := draft(), draft()
		profile.SID, profile.Kind, profile.PolicySID = "BU2", trust.CustomerProfile, "RN2"
		product.SID, product.PolicySID = "BU3", "RN3"
		check(t, errors.Join(s.Bundles.Create(t.Context(), profile), s.Bundles.Create(t.Context(), product)))
		want := func(want bool, when string) {
			t.Helper()
			if got := put("RA1", accountSID, bundleSID, trust.TrustProduct); got != want {
				t.Errorf("%s: %t", when, got)
			}
		}
		want(false, "with nothing assigned")
		put("RA2", accountSID, profile.SID, trust.CustomerProfile)
		put("RA3", accountSID, product.SID, trust.TrustProduct)
		put("RA4", otherSID, trust.PrimarySID(otherSID), trust.CustomerProfile)
		want(false, "on a profile that is not assigned")
		for i, sid := range []string{product.SID, trust.PrimarySID(otherSID)} {
			_, err := assign(t, s, nil, fmt.Sprint("BV", i), sid)
			check(t, err)
		}
		want(false, "on another product, and on another account's Primary")
		_, err := assign(t, s, nil, "BV9", profile.SID)
		check(t, err)
		want(true, "on a profile")
		check(t, s.UnassignEndpoint(t.Context(), store.BundlesOf(accountSID, trust.CustomerProfile), profile.SID, "RA2", holder))
		want(false, "removed from it")
	})
}

// A repeated create returns what the first one did, whether there are attributes or not.
func TestObjectOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for name, attributes := range map[string]json.RawMessage{"nil": nil, "empty": {}, "object": json.RawMessage(`{"a":"é"}`)} {
			u := endUser()
			u.SID, u.Attributes = "IT-"+name, attributes
			once := request(name, at)
			once.Key = name
			first, err := s.EndUsers.CreateOnce(t.Context(), once, u)
			check(t, err)
			again, err := s.EndUsers.CreateOnce(t.Context(), once, trust.EndUser{SID: "another"})
			check(t, err)
			stored, err := s.EndUsers.Fetch(t.Context(), store.Scope{accountSID}, u.SID)
			check(t, err)
			for _, got := range []trust.EndUser{first, again, stored} {
				if got.SID != u.SID || string(got.Attributes) != string(attributes) || got.FriendlyName != u.FriendlyName {
					t.Errorf("%s: got %+v", name, got)
				}
			}
		}
	})
}

func TestAssign(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		once := request("assign", at)
		first, err := assign(t, s, &once, "BV1", userSID)
		check(t, err)
		if again, err := assign(t, s, &once, "BV2", userSID); err != nil || again != first || again.ObjectType != "t" {
			t.Errorf("a repeat: %+v, %v, want %+v", again, err, first)
		}
		if stored, err := s.Assignments.Fetch(t.Context(), store.Scope{bundleSID}, "BV1"); err != nil || stored != first {
			t.Errorf("stored: %+v, %v, want %+v", stored, err, first)
		}
		if _, err := assign(t, s, nil, "BV2", userSID); !errors.Is(err, store.ErrAlreadyAssigned) {
			t.Errorf("the same object: %v", err)
		}
		refused := request("refused", at)
		refused.Key = "refused"
		if _, err := assign(t, s, &refused, "BV2", "IT2"); !errors.Is(err, store.ErrObjectNotFound) {
			t.Errorf("no such object: %v", err)
		}
		for i := 1; i < store.MaxAssigned; i++ {
			u := endUser()
			u.SID = fmt.Sprint("IT", i)
			check(t, s.EndUsers.Create(t.Context(), u))
			if _, err := assign(t, s, &refused, fmt.Sprint("BV-", i), u.SID); err != nil {
				t.Fatal(err) // the first has the key of the refused one, which was not kept
			}
			refused.Key += "."
		}
		u := endUser()
		u.SID = "ITone-more"
		check(t, s.EndUsers.Create(t.Context(), u))
		if _, err := assign(t, s, nil, "BVone-more", u.SID); !errors.Is(err, store.ErrTooManyAssigned) {
			t.Errorf("one more than a bundle can have: %v", err)
		}
	})
}

// A bundle of another account or kind cannot be used, nor an object of another account.
func TestContentsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		theirs := endUser()
		theirs.SID, theirs.AccountSID = "IT9", otherSID
		check(t, s.EndUsers.Create(t.Context(), theirs))
		if _, err := assign(t, s, nil, "BV1", theirs.SID); !errors.Is(err, store.ErrObjectNotFound) {
			t.Errorf("assign the object of another: %v", err)
		}
		_, err := assign(t, s, nil, "BV1", userSID)
		check(t, err)
		for _, others := range []store.Scope{
			store.BundlesOf(otherSID, trust.TrustProduct), store.BundlesOf(accountSID, trust.CustomerProfile),
		} {
			for step, err := range useAs(t, s, others) {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s as one of %v: %v", step, others, err)
				}
			}
		}
		err = s.EndUsers.DeleteObject(t.Context(), store.Scope{otherSID}, userSID, holder, func(trust.EndUser, []trust.Status) error { return nil })
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("delete: %v", err)
		}
	})
}

// A Primary can be assigned to bundles of every account; no other profile of another account can.
func TestAssignPrimaries(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID}))
		theirs := draft()
		theirs.SID, theirs.AccountSID, theirs.Kind = "BU2", otherSID, trust.CustomerProfile
		product := theirs // a policy alone makes no Primary
		product.SID, product.Kind, product.PolicySID = "BU3", trust.TrustProduct, trust.PrimaryPolicySID
		check(t, errors.Join(s.Bundles.Create(t.Context(), theirs), s.Bundles.Create(t.Context(), product)))
		for _, sid := range []string{theirs.SID, product.SID, trust.PrimarySID("ACnobody")} {
			if _, err := assign(t, s, nil, "BV1", sid); !errors.Is(err, store.ErrObjectNotFound) {
				t.Errorf("assign %s: %v", sid, err)
			}
		}
		primaries := []string{trust.PrimarySID(accountSID), trust.PrimarySID(otherSID)}
		for i, sid := range primaries {
			a, err := assign(t, s, nil, fmt.Sprint("BV", i), sid)
			if err != nil || a.AccountSID != accountSID || a.ObjectSID != sid {
				t.Errorf("assign %s: %+v, %v", sid, a, err)
			}
		}
		_, assigned, err := s.AssignedTo(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID)
		if err != nil || len(assigned.Bundles) != 2 || !assigned.Bundles[0].IsPrimary() || !assigned.Bundles[1].IsPrimary() {
			t.Errorf("assigned %+v: %v", assigned.Bundles, err)
		}
		for _, sid := range primaries { // of each, the scope is the other's
			if _, err := s.Bundles.Fetch(t.Context(), store.BundlesOf("AC", trust.CustomerProfile), sid); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("fetch %s as another account: %v", sid, err)
			}
		}
	})
}

// A Primary is never deleted, and trying to locks neither it nor what it is assigned to.
func TestDeletePrimary(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["postgres"](t)
	s := storetest.Open(t, name)
	check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
	check(t, s.Bundles.Create(t.Context(), draft()))
	primary := trust.PrimarySID(accountSID)
	_, err := assign(t, s, nil, "BV1", primary)
	check(t, err)
	storetest.UseSQL(t, name, func(db *sql.DB) {
		tx, err := db.BeginTx(t.Context(), nil)
		check(t, err)
		defer tx.Rollback() //nolint:errcheck // it has only locked
		_, err = tx.ExecContext(t.Context(), `SELECT sid FROM bundles FOR UPDATE`)
		check(t, err)
		err = s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.CustomerProfile), primary, holder,
			func(trust.Bundle, []trust.Status) error { t.Error("asked"); return nil })
		if !errors.Is(err, trust.ErrPrimary) {
			t.Errorf("delete: %v", err)
		}
	})
}

// A Primary is assigned while another transaction has locked it, so that no account can keep others from using it.
func TestAssigningLocksNoPrimary(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["postgres"](t)
	s := storetest.Open(t, name)
	check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
	check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID}))
	check(t, s.Bundles.Create(t.Context(), draft()))
	storetest.UseSQL(t, name, func(db *sql.DB) {
		tx, err := db.BeginTx(t.Context(), nil)
		check(t, err)
		defer tx.Rollback() //nolint:errcheck // it has only locked
		_, err = tx.ExecContext(t.Context(), `SELECT sid FROM bundles WHERE kind = 'customer-profile' FOR UPDATE`)
		check(t, err)
		for i, account := range []string{accountSID, otherSID} {
			if _, err := assign(t, s, nil, fmt.Sprint("BV", i), trust.PrimarySID(account)); err != nil {
				t.Errorf("the Primary of %s: %v", account, err)
			}
		}
	})
}

// useAs tries all that can be done with the contents of the bundle, as if it were in the scope, and returns the errors.
func useAs(t *testing.T, s *store.Store, of store.Scope) map[string]error {
	t.Helper()
	_, assigned := s.Assign(t.Context(), of, nil, trust.Assignment{SID: "BV2", AccountSID: accountSID, BundleSID: bundleSID, ObjectSID: userSID}, holder,
		func(trust.Bundle, store.Object) (string, error) { t.Error("asked"); return "", nil })
	_, endpoint := s.AssignEndpoint(t.Context(), of, nil, trust.ChannelEndpoint{SID: "RA1", AccountSID: accountSID, BundleSID: bundleSID}, holder,
		func(trust.Bundle, bool) error { t.Error("asked"); return nil })
	_, evaluated := s.Evaluate(t.Context(), of, nil, trust.Evaluation{SID: "EL1", AccountSID: accountSID, BundleSID: bundleSID}, holder,
		func(*trust.Evaluation, trust.Assigned) { t.Error("asked") })
	_, _, read := s.AssignedTo(t.Context(), of, bundleSID)
	return map[string]error{
		"assign": assigned, "assign an endpoint": endpoint, "evaluate": evaluated, "what is assigned": read,
		"unassign":             s.Unassign(t.Context(), of, bundleSID, "BV1", holder, func(trust.Bundle) error { t.Error("asked"); return nil }),
		"unassign an endpoint": s.UnassignEndpoint(t.Context(), of, bundleSID, "RA1", holder),
		"delete":               s.DeleteBundle(t.Context(), of, bundleSID, holder, func(trust.Bundle, []trust.Status) error { t.Error("asked"); return nil }),
	}
}

func TestAssignEndpoint(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		same, different := draft(), draft()
		same.SID, different.SID, different.PolicySID = "BU2", "BU3", "RN2"
		check(t, errors.Join(s.Bundles.Create(t.Context(), same), s.Bundles.Create(t.Context(), different)))
		_, err := endpoint(t, s, "RA1", bundleSID)
		check(t, err)
		for _, sid := range []string{bundleSID, same.SID} {
			_, err := endpoint(t, s, "RA2", sid)
			if taken, ok := errors.AsType[*store.EndpointTakenError](err); !ok || taken.BundleSID != bundleSID {
				t.Errorf("an endpoint that is taken, on %s: %v", sid, err)
			}
		}
		if e, err := endpoint(t, s, "RA3", different.SID); err != nil || e.PolicySID != different.PolicySID {
			t.Errorf("on a bundle of another policy: %+v, %v", e, err)
		}
		check(t, s.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, holder, anyBundle))
		if _, err := endpoint(t, s, "RA4", same.SID); err != nil {
			t.Errorf("after its bundle was deleted: %v", err)
		}
	})
}

func anyBundle(trust.Bundle, []trust.Status) error { return nil }

// The newest evaluations of a bundle are kept, as they were made.
func TestKeptEvaluations(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		once := request("evaluate", at)
		first, err := evaluate(t, s, &once, "EL000")
		check(t, err)
		_, err = assign(t, s, nil, "BV1", userSID)
		check(t, err)
		if again, err := evaluate(t, s, &once, "EL999"); err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("a repeat: %+v, %v, want %+v", again, err, first)
		}
		for i := 1; i < store.KeptEvaluations+3; i++ {
			if stored, err := s.Evaluations.Fetch(t.Context(), store.Scope{bundleSID}, first.SID); i == store.KeptEvaluations {
				if err != nil || !reflect.DeepEqual(stored, first) {
					t.Errorf("the first is now %+v, %v, want %+v", stored, err, first)
				}
			}
			_, err := evaluate(t, s, nil, fmt.Sprintf("EL%03d", i))
			check(t, err)
		}
		part, err := s.Evaluations.List(t.Context(), store.Query{Of: store.Scope{bundleSID}, Range: store.Range{Limit: 1000, Bytes: 1 << 20, Step: 1}})
		check(t, err)
		if n := len(part.Rows); n != store.KeptEvaluations || part.Rows[0].SID != "EL102" || part.Rows[n-1].SID != "EL003" {
			t.Errorf("%d evaluations are kept, from %s to %s", n, part.Rows[0].SID, part.Rows[n-1].SID)
		}
	})
}

// A server of a version before the contents deletes a bundle of a SQLite file without them. The next start removes what is left.
func TestLeftoversOfOlderVersions(t *testing.T) {
	t.Parallel()
	name := storetest.Names()["sqlite"](t)
	s := storetest.Open(t, name)
	check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID}))
	check(t, s.Bundles.Create(t.Context(), draft()))
	check(t, s.EndUsers.Create(t.Context(), endUser()))
	_, err := assign(t, s, nil, "BV1", userSID)
	check(t, err)
	_, err = endpoint(t, s, "RA1", bundleSID)
	check(t, err)
	_, err = evaluate(t, s, nil, "EL1")
	check(t, err)
	closeStore(t, s)
	storetest.UseSQL(t, name, func(db *sql.DB) { // without foreign_keys, as older versions
		_, err := db.ExecContext(t.Context(), `DELETE FROM bundles`)
		check(t, err)
	})
	s = storetest.Open(t, name)
	check(t, s.EndUsers.DeleteObject(t.Context(), store.Scope{accountSID}, userSID, holder, func(trust.EndUser, []trust.Status) error { return nil }))
	again := draft()
	again.SID = "BU2"
	check(t, s.Bundles.Create(t.Context(), again))
	if _, err := endpoint(t, s, "RA2", again.SID); err != nil {
		t.Errorf("the endpoint of a bundle that is deleted: %v", err)
	}
	closeStore(t, s)
	storetest.UseSQL(t, name, func(db *sql.DB) { storetest.WantWholeContents(t, db) })
}

// An object's update sees the statuses of the bundles that it is assigned to, and its deletion ends its assignments.
func TestObjectAndItsBundles(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		_, err := assign(t, s, nil, "BV1", userSID)
		check(t, err)
		later := at.Add(time.Hour)
		u, err := s.EndUsers.UpdateObject(t.Context(), store.Scope{accountSID}, userSID, holder, func(u *trust.EndUser, assignedTo []trust.Status) (bool, error) {
			if !reflect.DeepEqual(assignedTo, []trust.Status{trust.Draft}) {
				t.Errorf("assigned to %v", assignedTo)
			}
			u.Attributes, u.Updated = json.RawMessage(`{"a": [1]}`), later
			return true, nil
		})
		check(t, err)
		if stored, err := s.EndUsers.Fetch(t.Context(), store.Scope{accountSID}, userSID); err != nil || !reflect.DeepEqual(stored, u) ||
			string(u.Attributes) != `{"a": [1]}` || !u.Updated.Equal(later) {
			t.Errorf("updated to %+v, stored %+v, %v", u, stored, err)
		}
		refusal := errors.New("refused")
		err = s.EndUsers.DeleteObject(t.Context(), store.Scope{accountSID}, userSID, holder, func(trust.EndUser, []trust.Status) error { return refusal })
		if !errors.Is(err, refusal) {
			t.Errorf("got %v", err)
		}
		check(t, s.EndUsers.DeleteObject(t.Context(), store.Scope{accountSID}, userSID, holder, func(trust.EndUser, []trust.Status) error { return nil }))
		if _, err := s.Assignments.Fetch(t.Context(), store.Scope{bundleSID}, "BV1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("its assignment: %v", err)
		}
	})
}
