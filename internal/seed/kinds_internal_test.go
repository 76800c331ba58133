package seed

import (
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/opentrusthub/trusthub"
	"github.com/opentrusthub/trusthub/api"
)

// TestKinds: each parameter that the contract has for creating an object can be seeded.
func TestKinds(t *testing.T) {
	contract, err := openapi3.NewLoader().LoadFromData([]byte(trusthub.Contract()))
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]*openapi3.Schema{}
	for _, path := range contract.Paths.Map() {
		if path.Post != nil && path.Post.RequestBody != nil {
			media := path.Post.RequestBody.Value.Content.Get("application/x-www-form-urlencoded")
			forms[path.Post.OperationID] = media.Schema.Value
		}
	}
	for _, k := range kinds() {
		form := forms[k.operation]
		if form == nil {
			t.Fatalf("the contract has no %s", k.operation)
		}
		var got []string
		for _, field := range k.fields {
			got = append(got, parameter(field))
		}
		slices.Sort(got)
		if want := slices.Sorted(maps.Keys(form.Properties)); !slices.Equal(got, want) {
			t.Errorf("%s: the fields are for %v, want %v", k.operation, got, want)
		}
		if k.bundle == "" {
			continue
		}
		number := url.Values{"ChannelEndpointType": {phoneNumber}, "ChannelEndpointSid": {"PNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}
		if problems, err := api.CheckForm(k.endpoint, number); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", k.endpoint, problems, err)
		}
	}
}
