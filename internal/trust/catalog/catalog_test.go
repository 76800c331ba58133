package catalog_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

func TestPolicies(t *testing.T) {
	all := catalog.Default().Policies()
	if len(all) != 9 || !slices.IsSortedFunc(all, func(a, b catalog.Policy) int { return cmpText(a.SID, b.SID) }) {
		t.Errorf("%d policies, or not in the order of their SIDs", len(all))
	}
	for _, p := range all {
		found, ok := catalog.Default().Policy(p.SID)
		if !ok || found.FriendlyName != p.FriendlyName || string(found.Requirements) != string(p.Requirements) {
			t.Errorf("%s is found as %+v", p.SID, found)
		}
		var requirements map[string][]json.RawMessage
		if err := json.Unmarshal(p.Requirements, &requirements); err != nil || len(requirements) != 4 {
			t.Errorf("%s: %s: %v", p.SID, p.Requirements, err)
		}
		for _, name := range []string{"end_user", "supporting_document", "supporting_customer_profiles", "supporting_trust_products"} {
			if requirements[name] == nil {
				t.Errorf("%s: no array %s", p.SID, name)
			}
		}
		var documents [][]any
		if err := json.Unmarshal(append(append([]byte("["), joined(requirements["supporting_document"])...), ']'), &documents); err != nil || len(documents) != 1 {
			t.Errorf("%s: supporting_document is not an array with one array: %v", p.SID, err)
		}
	}
	if _, ok := catalog.Default().Policy("RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); ok {
		t.Error("an unknown policy is found")
	}
}

func joined(parts []json.RawMessage) (all []byte) {
	for i, p := range parts {
		if i > 0 {
			all = append(all, ',')
		}
		all = append(all, p...)
	}
	return all
}

func cmpText(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func TestTypes(t *testing.T) {
	c := catalog.Default()
	pattern, seen := regexp.MustCompile(`^OY[0-9a-f]{32}$`), map[string]bool{}
	for _, kind := range []struct {
		all  []catalog.Type
		find func(string) (catalog.Type, bool)
		want int
	}{
		{c.EndUserTypes(), c.EndUserType, 9},
		{c.SupportingDocumentTypes(), c.SupportingDocumentType, 3},
	} {
		if len(kind.all) != kind.want || !slices.IsSortedFunc(kind.all, func(a, b catalog.Type) int { return cmpText(a.SID, b.SID) }) {
			t.Errorf("%d types, want %d, or not in the order of their SIDs", len(kind.all), kind.want)
		}
		for _, typ := range kind.all {
			if !pattern.MatchString(typ.SID) || seen[typ.SID] {
				t.Errorf("%s: SID %s is malformed or not unique", typ.MachineName, typ.SID)
			}
			seen[typ.SID] = true
			for _, key := range []string{typ.SID, typ.MachineName} {
				if found, ok := kind.find(key); !ok || found.MachineName != typ.MachineName || len(found.Fields) != len(typ.Fields) {
					t.Errorf("%s is found as %+v", key, found)
				}
			}
		}
		if _, ok := kind.find("passport"); ok {
			t.Error("an unknown type is found")
		}
	}
	if _, ok := c.EndUserType("customer_profile_address"); ok {
		t.Error("a supporting document type is found as an end user type")
	}
}

// The SIDs of types are part of what callers may keep: they never change.
func TestTypeSIDsAreFixed(t *testing.T) {
	for name, want := range map[string]string{ // by sha256sum: printf /EndUserTypes/cnam_information | sha256sum | cut -c1-32
		"cnam_information": "OY19f55488735531b3946403c241f66b5e", "authorized_representative_1": "OY6460c3507b0bb6ac3376a782f80a9def",
	} {
		if typ, _ := catalog.Default().EndUserType(name); typ.SID != want {
			t.Errorf("%s has %s, want %s", name, typ.SID, want)
		}
	}
	if typ, _ := catalog.Default().SupportingDocumentType("customer_profile_address"); typ.SID != "OY7ad5d63fcf4cabc55b3e4c9c8c7030b3" {
		t.Errorf("customer_profile_address has %s", typ.SID)
	}
}

func TestFieldJSON(t *testing.T) {
	typ, _ := catalog.Default().SupportingDocumentType("customer_profile_address")
	got, err := json.Marshal(typ.Fields)
	if want := `[{"machine_name":"address_sids","friendly_name":"Address Sids","constraint":"List"}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestBundleType(t *testing.T) {
	for policy, want := range map[string]string{
		primary: "primary_customer_profile_type_business", secondary: "secondary_customer_profile_type_business",
		starter: "starter_customer_profile_type_business", voiceIntegrity: "voice_integrity_trust_product",
		a2p: "", shakenStir: "", "RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "",
	} {
		if got := catalog.Default().BundleType(policy); got != want {
			t.Errorf("%s has %q, want %q", policy, got, want)
		}
	}
}

// What a caller does with an answer changes nothing in the catalog.
func TestImmutable(t *testing.T) {
	c := catalog.Default()
	p, _ := c.Policy(cnam)
	clear(p.Requirements)
	typ, _ := c.EndUserType("cnam_information")
	clear(typ.Fields)
	e, _ := c.Explain(a2p)
	clear(e.Requirements[0].Alternatives[0].Fields[0].Values)
	clear(e.Requirements[1].Alternatives[0].PolicySIDs)
	clear(e.Requirements)
	TestPolicies(t)
	TestTypes(t)
	TestCompliant(t)
	TestExplain(t)
}

// Every known policy of a Trust Product requires a profile. So do those of the profiles that stand on a Primary.
func TestNeedsProfile(t *testing.T) {
	c := catalog.Default()
	for _, p := range c.Policies() {
		if got, want := c.NeedsProfile(p.SID), p.SID != primary; got != want {
			t.Errorf("%s (%s): %t, want %t", p.FriendlyName, p.SID, got, want)
		}
	}
	if c.NeedsProfile("RN00000000000000000000000000000000") {
		t.Error("an unknown policy requires a profile")
	}
}
