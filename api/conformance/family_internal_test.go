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

// family describes the resources of another contract: what a resource costs here.
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

// TestFamily runs the suite against a server of the family: the descriptors above are all that it takes.
func TestFamily(t *testing.T) { runFamily(t, os.Getenv(familyVariable)) } //nolint:forbidigo // see TestFamilyBites

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

// TestFamilyBites gives the server defects, each of which the case must notice in a process of its own.
func TestFamilyBites(t *testing.T) {
	t.Parallel()
	for defect, notices := range map[string]string{
		"the filter is ignored":        "Member/list/filters_choose",
		"attributes are lost":          "Group/create/everything_can_be_given",
		"attributes cannot be changed": "Group/update/it_changes_what_it_names_and_nothing_else",
		"enumerations are not checked": "Group/create/what_is_off_the_contract_is_refused",
		"objects have no limit":        "Group/update/what_is_off_the_contract_is_refused",
		"a parent's children are all":  "Member/access/what_belongs_to_another_parent_does_not_exist",
		"the list has another's":       "Thing/fetch/it_returns_what_the_list_holds",
		"pages overlap":                "Thing/list/pages_hold_each_one_once,_there_and_back",
		"things can be posted":         "Thing/access/another_method_is_not_allowed",
	} {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFamily$/^"+strings.ReplaceAll(notices, "/", "$/^")+"$")
			child.Env = append(os.Environ(), familyVariable+"="+defect)
			output, err := child.CombinedOutput()
			if want := "--- FAIL: TestFamily/" + notices; err == nil || !strings.Contains(string(output), want) {
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

// TestDescribe describes what cannot be described.
func TestDescribe(t *testing.T) {
	t.Parallel()
	contract, err := contracttest.Load(t.Context(), familyContract)
	if err != nil {
		t.Fatal(err)
	}
	some := func(*suite) map[string][2]string { return nil }
	for want, r := range map[string]*resource{
		"no operations FetchNothing and ListNothing": {name: "Nothing"},
		"Group needs values if, and only if":         {name: "Group"},
		"Thing needs values if, and only if":         {name: "Thing", values: some},
		"Member needs values for the filter":         {name: "Member", values: some},
	} {
		if _, err := describe(contract.Document(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
