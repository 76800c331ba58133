package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

func TestExplain(t *testing.T) {
	for policy, want := range map[string]string{
		a2p: `A2P Messaging: Local - Business
end user us_a2p_messaging_profile_information
  type us_a2p_messaging_profile_information
    company_type: one of private, public, government, non_profit, non-profit
    stock_exchange (optional): text
    stock_ticker (optional): text
    brand_contact_email (optional): an e-mail address
customer profile customer_profile
  type secondary_customer_profile_type_business, policy RNdfbf3fae0e1107f8aded0e7cead80bf5, pending-review or in-review or twilio-approved
  type primary_customer_profile_type_business, policy RN6433641899984f951173ef1738c3bdd0, twilio-approved
`,
		starter: `Starter Customer Profile of type Business
end user starter_customer_profile_information
  type starter_customer_profile_information
    first_name: text
    last_name: text
    email: an e-mail address
    phone_number: a telephone number in E.164 form, such as +14155550100
supporting document customer_profile_address
  type customer_profile_address
    address_sids: the SID of an address: AD and 32 hex digits, or several of them
  type starter_customer_profile_address
    address_sids: the SID of an address: AD and 32 hex digits, or several of them
customer profile primary_customer_profile
  type primary_customer_profile_type_business, policy RN6433641899984f951173ef1738c3bdd0, twilio-approved
`,
		cnam: `CNAM
end user cnam_information
  type cnam_information
    cnam_display_name: a letter, then letters, digits, points, commas and spaces, at most 15 characters
customer profile customer_profile
  type secondary_customer_profile_type_business, policy RNdfbf3fae0e1107f8aded0e7cead80bf5, pending-review or in-review or twilio-approved
  type primary_customer_profile_type_business, policy RN6433641899984f951173ef1738c3bdd0, twilio-approved
`,
	} {
		e, ok := catalog.Default().Explain(policy)
		if got := asText(e); !ok || e.SID != policy || got != want {
			t.Errorf("%s: %t\n%s\nwant\n%s", policy, ok, got, want)
		}
	}
	if e, ok := catalog.Default().Explain("RNaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"); ok {
		t.Errorf("an unknown policy is explained: %+v", e)
	}
	if e, _ := catalog.Default().Explain(secondary); !e.Requirements[2].Optional || e.Requirements[1].Optional {
		t.Error("the second representative is optional, and no other")
	}
}

func asText(e catalog.Explanation) string {
	var b strings.Builder
	fmt.Fprintln(&b, e.FriendlyName)
	for _, r := range e.Requirements {
		fmt.Fprintf(&b, "%s %s\n", r.Kind, r.Name)
		for _, a := range r.Alternatives {
			fmt.Fprintf(&b, "  type %s", a.Type)
			if len(a.Statuses) > 0 {
				fmt.Fprintf(&b, ", policy %s, %s", strings.Join(a.PolicySIDs, ", "), strings.Join(a.Statuses, " or "))
			}
			fmt.Fprintln(&b)
			for _, f := range a.Fields {
				optional := ""
				if f.Optional {
					optional = " (optional)"
				}
				fmt.Fprintf(&b, "    %s%s: %s\n", f.Name, optional, f.Rule)
			}
		}
	}
	return b.String()
}
