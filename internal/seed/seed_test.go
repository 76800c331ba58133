package seed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	alice = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bob   = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

var (
	now    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	policy = trust.Policy{AutoReview: true, ReviewDelay: time.Minute, ValidFor: 24 * time.Hour}
)

// each runs a test on every engine, on a database with one account.
func each(t *testing.T, test func(t *testing.T, db *store.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		t.Helper()
		addAccount(t, db, alice)
		test(t, db)
	})
}

func addAccount(t *testing.T, db *store.Store, sid string) {
	t.Helper()
	check(t, db.PutAccount(t.Context(), store.Account{SID: sid, AuthToken: "token", Created: now}))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plant seeds the only account of a database at now.
func plant(t *testing.T, db *store.Store, text string) (seed.Result, error) {
	t.Helper()
	file, err := seed.Parse("seed.yaml", []byte(text))
	check(t, err)
	return file.Store(t.Context(), db, seed.Config{Policy: policy, Now: now})
}

// mustPlant is plant for a file that fits. It checks the numbers.
func mustPlant(t *testing.T, db *store.Store, text string, created, unchanged int, changed ...string) seed.Result {
	t.Helper()
	result, err := plant(t, db, text)
	check(t, err)
	if result.Created != created || result.Unchanged != unchanged || !slices.Equal(result.Changed, changed) {
		t.Errorf("%d created, %d unchanged, %v changed, want %d, %d, %v",
			result.Created, result.Unchanged, result.Changed, created, unchanged, changed)
	}
	return result
}

// refused checks the error of a file that does not fit.
func refused(t *testing.T, db *store.Store, text string, want ...string) {
	t.Helper()
	_, err := plant(t, db, text)
	failure, ok := errors.AsType[*seed.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	var got []string
	for _, p := range failure.Problems {
		got = append(got, fmt.Sprintf("%d: %s", p.Line, p.Message))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func bundle(t *testing.T, db *store.Store, kind trust.Kind, sid string) trust.Bundle {
	t.Helper()
	b, err := db.Bundles.Fetch(t.Context(), store.BundlesOf(alice, kind), sid)
	check(t, err)
	return b
}

// evaluate evaluates a bundle by its own policy.
func evaluate(t *testing.T, db *store.Store, b trust.Bundle) trust.Compliance {
	t.Helper()
	e := trust.Evaluation{SID: trust.NewSID("EL", now), AccountSID: alice, BundleSID: b.SID, PolicySID: b.PolicySID, Created: now}
	e, err := db.Evaluate(t.Context(), store.BundlesOf(alice, b.Kind), nil, e, trust.Origin{},
		func(e *trust.Evaluation, assigned trust.Assigned) {
			e.Status, e.Results = catalog.Default().Evaluate(e.PolicySID, assigned)
		})
	check(t, err)
	return e.Status
}

// TestExample seeds the example, evaluates its bundles, and seeds it again.
func TestExample(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		result := mustPlant(t, db, string(seed.Example()), 15, 0)
		profile := bundle(t, db, trust.CustomerProfile, result.SIDs["acme-profile"])
		a2p := bundle(t, db, trust.TrustProduct, result.SIDs["acme-a2p"])
		cnam := bundle(t, db, trust.TrustProduct, result.SIDs["acme-cnam"])
		for b, want := range map[*trust.Bundle]trust.Compliance{
			&profile: trust.Compliant, &a2p: trust.Compliant, &cnam: trust.Noncompliant,
		} {
			if got := evaluate(t, db, *b); got != want {
				t.Errorf("%s is %s, want %s", b.FriendlyName, got, want)
			}
		}
		if want := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC); profile.Status != trust.TwilioApproved || !profile.ValidUntil.Equal(want) {
			t.Errorf("the profile is %s until %s", profile.Status, profile.ValidUntil)
		}
		if a2p.Status != trust.Draft || a2p.StatusCallback == "" {
			t.Errorf("the product is %s, its callback %q", a2p.Status, a2p.StatusCallback)
		}
		if cnam.Status != trust.TwilioRejected || !slices.Equal(cnam.Errors, []int{22214}) {
			t.Errorf("the other product is %s with %v", cnam.Status, cnam.Errors)
		}
		if notices, err := db.Deliveries(t.Context(), store.DeliveryFilter{Limit: 1}); err != nil || len(notices) > 0 {
			t.Errorf("got %v, %v, want no notices", notices, err)
		}
		mustPlant(t, db, string(seed.Example()), 0, 15)
	})
}

// TestSIDs: SIDs are part of what callers keep, so these never change.
func TestSIDs(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		result := mustPlant(t, db, string(seed.Example()), 15, 0)
		for key, want := range map[string]string{ // printf KIND/KEY | sha256sum | cut -c1-30
			"acme-business": "IT0044b00e31179ae20daae7d7d31d2b77", "acme-address": "RD00c26a1441d58fdd749f6012d7f1fc10",
			"acme-profile": "BU00c259524e45595273904dd1144987bc", "acme-a2p": "BU0053ab96f26f6fecd25bd8e9d26e4b35",
		} {
			if got := result.SIDs[key]; got != want {
				t.Errorf("%s has SID %s, want %s", key, got, want)
			}
		}
		if len(result.SIDs) != 7 || result.AccountSID != alice {
			t.Errorf("got %v", result)
		}
	})
}

// TestAttributes: attributes are stored as JSON with the members in the order of the file.
func TestAttributes(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		for text, want := range map[string]string{
			"": "{}", "attributes: ~": "{}", "attributes: {}": "{}",
			"attributes: {z: 1, a: -2.5e3, d: 2026-01-31, y: yes, t: True, n: ~, s: \"<é\\n\\\"\", l: [a, {b: []}], e: \"\"}": `{"z":1,"a":-2.5e3,"d":"2026-01-31","y":"yes","t":true,"n":null,"s":"<é\n\"","l":["a",{"b":[]}],"e":""}`,
		} {
			key := fmt.Sprintf("k%d", len(text))
			result := mustPlant(t, db, "end_users:\n- key: "+key+"\n  type: t\n  friendly_name: n\n  "+text, 1, 0)
			u, err := db.EndUsers.Fetch(t.Context(), store.Scope{alice}, result.SIDs[key])
			check(t, err)
			if string(u.Attributes) != want || !json.Valid(u.Attributes) {
				t.Errorf("%s: got %s, want %s", text, u.Attributes, want)
			}
		}
	})
}

// TestAnotherFile: what a file says differently of an object that nobody has changed is an error, and nothing is stored.
func TestAnotherFile(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		first := product + "  assign: [ada]\n" + user
		mustPlant(t, db, first, 3, 0)
		refused(t, db, strings.NewReplacer("Acme", "Umbrella", "a@acme", "b@acme", "type: t", "type: u").Replace(first)+"- {key: eve, type: t, friendly_name: Eve}",
			"2: email, friendly_name: something else is stored for this key; delete the object or choose another key",
			"8: type: something else is stored for this key; delete the object or choose another key")
		refused(t, db, product+"  status: in-review", "2: status: something else is stored for this key; delete the object or choose another key")
		refused(t, db, strings.Replace(product, "RN7a", "RN7b", 1), "2: policy_sid: something else is stored for this key; delete the object or choose another key")
		refused(t, db, user+"  attributes: {a: b}", "2: attributes: something else is stored for this key; delete the object or choose another key")
		mustPlant(t, db, first+"- {key: eve, type: t, friendly_name: Eve}", 1, 3)
	})
}

// TestChangedSince: what was changed since it was seeded stays as it is, and is named. What was deleted is created again.
func TestChangedSince(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		file := product + "  assign: [ada]\n  status: in-review\n" + user
		result := mustPlant(t, db, file, 3, 0)
		later := now.Add(time.Hour)
		advanced, err := db.AdvanceBundles(t.Context(), later, 10, func(b trust.Bundle) (trust.Outcome, error) {
			return policy.Advance(b, later)
		})
		check(t, err)
		if b := bundle(t, db, trust.TrustProduct, result.SIDs["acme"]); advanced != 1 || b.Status != trust.TwilioApproved {
			t.Fatalf("the product in review is %s after its review, want it approved", b.Status)
		}
		mustPlant(t, db, file, 0, 3, "acme")
		if b := bundle(t, db, trust.TrustProduct, result.SIDs["acme"]); b.Status != trust.TwilioApproved {
			t.Errorf("seeding changed the status to %s", b.Status)
		}
		refused(t, db, strings.Replace(file, "[ada]", "[ada, bert]", 1)+"- {key: bert, type: t, friendly_name: Bert}",
			"6: assign: the bundle is in review or approved, and does not have this object")
		refused(t, db, strings.Replace(file, "RN7a", "RN7b", 1), // which no change by the API can explain
			"2: policy_sid, status: something else is stored for this key; delete the object or choose another key")

		check(t, db.DeleteBundle(t.Context(), store.BundlesOf(alice, trust.TrustProduct), result.SIDs["acme"], trust.Origin{At: later},
			func(trust.Bundle, []trust.Status) error { return nil }))
		mustPlant(t, db, file, 2, 1)
	})
}

// TestReviewAsUsual: a bundle in review is due like any other, and one on hold is not.
func TestReviewAsUsual(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		submitted := strings.Replace(product, "trust_products", "customer_profiles", 1) + "  status: pending-review\n"
		result := mustPlant(t, db, submitted+strings.NewReplacer("acme\n", "held\n", "a@", "a+hold@").Replace(product)+"  status: in-review\n", 2, 0)
		if b := bundle(t, db, trust.CustomerProfile, result.SIDs["acme"]); !b.Due.Equal(now) {
			t.Errorf("the submitted profile is due at %s, want %s", b.Due, now)
		}
		if b := bundle(t, db, trust.TrustProduct, result.SIDs["held"]); !b.Due.IsZero() {
			t.Errorf("the product on hold is due at %s", b.Due)
		}
	})
}

// TestAccounts: the account is the only one, or is named by the caller or the file.
func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		store := func(text, given string) string {
			file, err := seed.Parse("seed.yaml", []byte(text))
			check(t, err)
			result, err := file.Store(t.Context(), db, seed.Config{AccountSID: given, Policy: policy, Now: now})
			if err != nil {
				return err.Error()
			}
			return result.AccountSID
		}
		addAccount(t, db, bob)
		const unknown = "ACcccccccccccccccccccccccccccccccc"
		for _, test := range []struct{ text, given, want string }{
			{"", "", "the database has 2 accounts; name one with --account-sid, or as account_sid in the file"},
			{"", bob, bob},
			{"", unknown, "unknown account"},
			{"account_sid: " + bob, "", bob},
			{"account_sid: " + bob, bob, bob},
			{"account_sid: " + bob, alice, "seed.yaml:1: account_sid is not the account to seed"},
			{"\naccount_sid: " + unknown, "", "seed.yaml:2: account_sid: unknown account"},
			{user, alice, alice},
			{user, bob, "seed.yaml:2: key: an object of another account has the SID of this key; choose another key"},
			{product, alice, alice},
			{product, bob, "seed.yaml:2: key: an object of another account has the SID of this key; choose another key"},
			{product + "  assign: [primary]\n", alice, alice},
			{strings.Replace(product, "key: acme", "key: other", 1) + "  assign: [primary]\n", bob, bob},
		} {
			if got := store(test.text, test.given); got != test.want {
				t.Errorf("%q for %q: got %s, want %s", test.text, test.given, got, test.want)
			}
		}
	})
}

// TestNoAccount: a database without an account cannot be seeded.
func TestNoAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		if _, err := plant(t, db, user); err == nil || err.Error() != "the database has no account; create one with 'trusthub accounts add'" {
			t.Errorf("got %v", err)
		}
	})
}

// TestNumbers: a phone number is on one bundle of a policy at most, and on a product's profile before the product.
func TestNumbers(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		const numbers = "  phone_numbers: [PNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n"
		profile := strings.NewReplacer("trust_products", "customer_profiles", "acme\n", "profile\n").Replace(product)
		second := strings.TrimPrefix(strings.Replace(profile, "profile\n", "other\n", 1), "customer_profiles:\n") + numbers
		refused(t, db, profile+numbers+second, "11: phone_numbers: another bundle of the policy has this number")
		mustPlant(t, db, profile+numbers, 2, 0)
		refused(t, db, profile+second, "10: phone_numbers: another bundle of the policy has this number")
		mustPlant(t, db, profile+numbers+strings.Replace(second, "RN7a", "RN7b", 1), 2, 2)

		a2p := strings.Replace(product, "RN7a97559effdf62d00f4298208492a5ea", "RNb0d4771c2c98518d916a3d4cd70a8f8b", 1)
		const missing = ": phone_numbers: no Customer Profile that is assigned to the product has this number"
		refused(t, db, a2p+numbers, "6"+missing)
		refused(t, db, a2p+numbers+profile, "6"+missing)
		refused(t, db, a2p+"  assign: [profile]\n"+strings.Replace(numbers, "PNa", "PNb", 1)+profile, "7"+missing)
		mustPlant(t, db, a2p+"  assign: [profile]\n"+numbers+profile, 3, 1)
		free := strings.NewReplacer("acme\n", "free\n", "RN7a", "RN7c").Replace(product) // of a policy that requires no profile
		mustPlant(t, db, free+numbers, 2, 0)
	})
}

// TestMaxAssigned: a bundle has no more objects than by the API.
func TestMaxAssigned(t *testing.T) {
	each(t, func(t *testing.T, db *store.Store) {
		var users, keys strings.Builder
		for i := range store.MaxAssigned {
			fmt.Fprintf(&users, "- {key: u%d, type: t, friendly_name: n}\n", i)
			fmt.Fprintf(&keys, "u%d, ", i)
		}
		file := func(more string) string {
			return product + "  assign: [" + keys.String() + more + "]\n" + user + users.String()
		}
		refused(t, db, file("ada"), "6: assign: a bundle can have at most 100 objects")
		mustPlant(t, db, file(""), 2*store.MaxAssigned+2, 0)
		refused(t, db, file("ada"), "6: assign: a bundle can have at most 100 objects")
	})
}
