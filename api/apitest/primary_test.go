package apitest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/opentrusthub/trusthub/api/apitest"
)

// The account's Primary Customer Profile can be assigned by it and by another account.
func TestPrimaryCustomerProfile(t *testing.T) {
	t.Parallel()
	s := apitest.New(t, apitest.WithAccount("AC0123456789abcdef0123456789abcdef", "token"))
	if s.PrimaryCustomerProfileSID != "BU0123456789abcdef0123456789abcdef" {
		t.Errorf("it is %s", s.PrimaryCustomerProfileSID)
	}
	another := newCaller(t, s)
	another.sid, another.token = s.AddAccount()
	for _, c := range []caller{newCaller(t, s), another} {
		p := c.create("a@acme.example", "")
		status, _, body, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts/"+p.SID+"/EntityAssignments",
			url.Values{"ObjectSid": {s.PrimaryCustomerProfileSID}})
		if err != nil || status != http.StatusCreated {
			t.Errorf("%s: status %d, %s, %v", c.sid, status, body, err)
		}
	}
}
