package trust_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
)

func TestResultJSON(t *testing.T) {
	passed := trust.Result{
		FriendlyName: "Information", ObjectType: "thing", Passed: true,
		Valid: []trust.ValidField{trust.NewValidField("First Name", "first_name")}, Invalid: []trust.InvalidField{},
		RequirementFriendlyName: "Thing", RequirementName: "thing",
	}
	failed := trust.Result{
		FriendlyName: "Information", ObjectType: "thing", FailureReason: new("It is missing."), ErrorCode: new(22214),
		Valid: []trust.ValidField{}, Invalid: []trust.InvalidField{{"First Name", "first_name", "It is missing.", 22215}},
		RequirementFriendlyName: "Thing", RequirementName: "thing",
	}
	for want, result := range map[string]trust.Result{
		`{"friendly_name":"Information","object_type":"thing","passed":true,"failure_reason":null,"error_code":null,` +
			`"valid":[{"friendly_name":"First Name","object_field":"first_name","passed":true,"error_code":null,"failure_reason":null}],` +
			`"invalid":[],"requirement_friendly_name":"Thing","requirement_name":"thing"}`: passed,
		`{"friendly_name":"Information","object_type":"thing","passed":false,"failure_reason":"It is missing.","error_code":22214,"valid":[],` +
			`"invalid":[{"friendly_name":"First Name","object_field":"first_name","failure_reason":"It is missing.","error_code":22215}],` +
			`"requirement_friendly_name":"Thing","requirement_name":"thing"}`: failed,
	} {
		got, err := json.Marshal(result)
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		var back trust.Result
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, result) {
			t.Errorf("read back: %+v, %v", back, err)
		}
	}
}
