package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/gen/server"
)

// TestCheckForm compares CheckForm with the handler: both accept and refuse the same forms.
func TestCheckForm(t *testing.T) {
	const policy = "RN7a97559effdf62d00f4298208492a5ea"
	handler, err := api.New(server.Unimplemented{}, api.Config{Authenticate: authenticate})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 100_000)
	for name, test := range map[string]struct {
		operation, path string
		form            url.Values
		want            []api.ParameterProblem
	}{
		"valid": {
			"CreateTrustProduct", "/v1/TrustProducts",
			url.Values{"FriendlyName": {"Acme"}, "Email": {"a@acme.example"}, "PolicySid": {policy}, "Unknown": {"\xff"}},
			nil,
		},
		"empty": {"CreateTrustProduct", "/v1/TrustProducts", url.Values{}, []api.ParameterProblem{
			{Parameter: "Email", Problem: "is missing"},
			{Parameter: "FriendlyName", Problem: "is missing"},
			{Parameter: "PolicySid", Problem: "is missing"},
		}},
		"all at once": {
			"CreateTrustProduct", "/v1/TrustProducts",
			url.Values{"FriendlyName": {""}, "Email": {"a\x00"}, "PolicySid": {"secret"}, "StatusCallback": {"secret"}},
			[]api.ParameterProblem{
				{Parameter: "Email", Problem: "must be UTF-8 text without null characters"},
				{Parameter: "FriendlyName", Problem: "must not be empty"},
				{Parameter: "PolicySid", Problem: "must match ^RN[0-9a-fA-F]{32}$"},
				{Parameter: "StatusCallback", Problem: "must be an absolute http or https URL"},
			},
		},
		"object": {
			"CreateEndUser", "/v1/EndUsers", url.Values{"FriendlyName": {"A"}, "Type": {"t"}, "Attributes": {`{"a": [1]}`}}, nil,
		},
		"no object": {
			"CreateEndUser", "/v1/EndUsers",
			url.Values{"FriendlyName": {"A"}, "Type": {"t"}, "Attributes": {`[1]`}},
			[]api.ParameterProblem{{Parameter: "Attributes", Problem: "must be a JSON object"}},
		},
		"large object": {
			"CreateEndUser", "/v1/EndUsers",
			url.Values{"FriendlyName": {"A"}, "Type": {"t"}, "Attributes": {`{"a": "` + long[:20_000] + `"}`}},
			[]api.ParameterProblem{{Parameter: "Attributes", Problem: "must have at most 16384 bytes"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := api.CheckForm(test.operation, test.form)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
			r := httptest.NewRequest(http.MethodPost, "http://hub.example"+test.path, strings.NewReader(test.form.Encode()))
			r.SetBasicAuth(account, token)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			wantStatus := http.StatusNotImplemented // of a valid request: nothing is implemented
			if len(test.want) > 0 {
				wantStatus = http.StatusBadRequest
			}
			if w, _ := answerOf(t, handler, r); w.Code != wantStatus {
				t.Errorf("the handler responds with %d, want %d: %s", w.Code, wantStatus, w.Body)
			}
		})
	}
	for _, operation := range []string{"ListTrustProduct", "Unknown"} {
		if _, err := api.CheckForm(operation, url.Values{}); err == nil {
			t.Errorf("%s: no error", operation)
		}
	}
}
