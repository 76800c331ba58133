package conformance

import (
	_ "embed"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/contracttest"
)

//go:embed testdata/family.yaml
var familyContract string

// family describes the resources of another contract.
func family() []*resource {
	group := &resource{name: "Group", unique: "FriendlyName", values: func(*suite) map[string][2]string {
		return map[string][2]string{
			"FriendlyName": {"Acme", "Other"}, "Type": {"small", "large"}, "Attributes": {`{"a":"b"}`, `{"c":{"d":[1]}}`},
		}
	}}
	member := &resource{
		name: "Member", parent: group,
		filters: map[string]func(object) (string, string){
			"ObjectType": func(object) (string, string) { return "group", "stranger" },
		},
		values: func(s *suite) map[string][2]string {
			return map[string][2]string{"ObjectSid": {s.of(group).create(nil).sid(), s.of(group).create(nil).sid()}}
		},
	}
	return []*resource{group, member, {name: "Thing"}}
}

const (
	familyVariable = "CONFORMANCE_FAMILY_DEFECT"
	familyAccount  = "AC0123456789abcdef0123456789abcdef"
	familyOther    = "ACfedcba9876543210fedcba9876543210"
)

// TestFamily runs the suite against a server of another contract, for which it needs no more than the descriptors above.
func TestFamily(t *testing.T) { runFamily(t, os.Getenv(familyVariable)) } //nolint:forbidigo // set by TestFamilyDefects

func runFamily(t *testing.T, defect string) {
	t.Helper()
	contract, err := contracttest.Load(t.Context(), familyContract)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newFamilyServer(contract, defect))
	t.Cleanup(server.Close)
	run(t, Target{
		BaseURL: server.URL, Username: familyAccount, Password: "token", OtherUsername: familyOther, OtherPassword: "token", StandIn: true,
	}.withDefaults(), contract, family())
}

// TestFamilyDefects runs the suite against a server with each defect, in a separate process. The defect's case must fail.
func TestFamilyDefects(t *testing.T) {
	t.Parallel()
	for defect, failing := range map[string]string{
		"the filter is ignored":        "Member/list/filters_select",
		"attributes are lost":          "Group/create/a_create_accepts_all_parameters",
		"attributes cannot be changed": "Group/update/an_update_changes_only_the_given_fields",
		"enumerations are not checked": "Group/create/what_the_contract_excludes_is_refused",
		"objects have no limit":        "Group/update/what_the_contract_excludes_is_refused",
		"a parent's children are all":  "Member/access/another_parent's_resource_does_not_exist",
		"the list has another's":       "Thing/fetch/fetch_returns_what_the_list_has",
		"pages overlap":                "Thing/list/pages_have_each_item_once,_forward_and_backward",
		"things can be posted":         "Thing/access/another_method_is_not_allowed",
	} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFamily$/^"+strings.ReplaceAll(failing, "/", "$/^")+"$")
			child.Env = append(os.Environ(), familyVariable+"="+defect)
			output, err := child.CombinedOutput()
			if want := "--- FAIL: TestFamily/" + failing; err == nil || !strings.Contains(string(output), want) {
				t.Errorf("%v, and no %q in\n%s", err, want, output)
			}
		})
	}
}

// TestEveryOperation expects each operation of the contract to belong to a resource of the suite.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	contract, err := contracttest.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, r := range resources() {
		for id := range r.ids() {
			covered[id] = true
		}
	}
	for _, id := range contract.Operations() {
		if !covered[id] {
			t.Errorf("operation %s belongs to no resource in resources.go", id)
		}
	}
}

// TestDescribe checks the errors for invalid descriptors.
func TestDescribe(t *testing.T) {
	t.Parallel()
	contract, err := contracttest.Load(t.Context(), familyContract)
	if err != nil {
		t.Fatal(err)
	}
	some := func(*suite) map[string][2]string { return nil }
	for want, r := range map[string]*resource{
		"no operations FetchNothing and ListNothing": {name: "Nothing"},
		"Group needs values if and only if":          {name: "Group"},
		"Thing needs values if and only if":          {name: "Thing", values: some},
		"Member needs values for the filter":         {name: "Member", values: some},
	} {
		if _, err := describe(contract.Document(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
