package main

import (
	"context"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// TestChecklist prints what a terminal shows of a product that gets more and more of what it needs.
func TestChecklist(t *testing.T) {
	s := apitest.New(t)
	api, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken), client.WithHTTPClient(s.Client()))
	if err != nil {
		t.Fatal(err)
	}
	const voiceIntegrity = "RN5b3660f9598883b1df4e77f77acefba0"
	product := create(t, func(ctx context.Context) (*client.TrustProduct, error) {
		return api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{FriendlyName: "Acme", Email: "a", PolicySID: voiceIntegrity})
	})
	show := func(policySID string) string {
		command := evaluateCmd{SID: product.SID, PolicySID: policySID}
		evaluation := create(t, func(ctx context.Context) (*client.TrustProductEvaluation, error) { return command.evaluate(ctx, api) })
		list := create(t, func(ctx context.Context) (checklist, error) { return newChecklist(ctx, api, evaluation) })
		return table(func(w *tabwriter.Writer) { checklistTable(w, list) })
	}
	assign := func(kind, attributes string) *client.EndUser {
		user := create(t, func(ctx context.Context) (*client.EndUser, error) {
			return api.CreateEndUser(ctx, client.CreateEndUserRequest{FriendlyName: "Acme", Type: kind, Attributes: attributes})
		})
		create(t, func(ctx context.Context) (*client.TrustProductEntityAssignment, error) {
			return api.CreateTrustProductEntityAssignment(ctx, product.SID, client.CreateTrustProductEntityAssignmentRequest{ObjectSID: user.SID})
		})
		return user
	}
	const attributes = `'Attributes={"use_case": "...", "business_employee_count": "...", "average_business_day_call_volume": "..."}'`

	wantLines(t, show(""),
		product.SID+" is noncompliant with policy "+voiceIntegrity+" Voice Integrity",
		"[ ] voice_integrity_information",
		"  trusthub api CreateEndUser -f FriendlyName=NAME -f Type=voice_integrity_information -f "+attributes,
		"  trusthub assign "+product.SID+" IT...",
		"[ ] customer_profile",
		"  a customer profile with status twilio-approved and policy RN6433641899984f951173ef1738c3bdd0",
		"  trusthub assign "+product.SID+" BU...",
	)
	older := assign("voice_integrity_information", `{"use_case":"Support","business_employee_count":"10"}`)
	user := assign("voice_integrity_information", `{"use_case":"Support","business_employee_count":10}`)
	shown := show("")
	wantLines(t, shown,
		"[ ] voice_integrity_information",
		"      business_employee_count           Business Employee Count must be text.         (a whole number above 0, written as text)",
		"      average_business_day_call_volume  Average Business Day Call Volume is missing.  (a whole number above 0, written as text)",
		"  trusthub api UpdateEndUser -f Sid="+user.SID+" -f "+attributes,
	)
	if strings.Contains(shown, "CreateEndUser") || strings.Contains(shown, older.SID) {
		t.Errorf("it does not name the newest end user alone:\n%s", shown)
	}
	assign("voice_integrity_information", `{"use_case":"Support","business_employee_count":"10","average_business_day_call_volume":"5"}`)
	wantLines(t, show(""), "[x] voice_integrity_information", "[ ] customer_profile")
	wantLines(t, show("RNdfbf3fae0e1107f8aded0e7cead80bf5"),
		"[x] authorized_representative_2 (optional, nothing is assigned)",
		"  trusthub api CreateSupportingDocument -f FriendlyName=NAME -f Type=customer_profile_address -f 'Attributes={\"address_sids\": \"...\"}'",
		"  trusthub assign "+product.SID+" RD...",
	)
	wantLines(t, show("RNeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"), "The server requires nothing for this policy.")
}

func create[T any](t *testing.T, call func(context.Context) (T, error)) T {
	t.Helper()
	result, err := call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// wantLines fails the test unless each of the texts is in a line of its own, in this order.
func wantLines(t *testing.T, shown string, want ...string) {
	t.Helper()
	rest := strings.SplitAfter(shown, "\n")
	for _, text := range want {
		for len(rest) > 0 && !strings.Contains(rest[0], text) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("no line has %q, or not in this order:\n%s", text, shown)
			return
		}
		rest = rest[1:]
	}
}

// TestChecklistOfAnotherServer shows results that this program's catalog does not have.
func TestChecklistOfAnotherServer(t *testing.T) {
	reason := "Something is missing" + hostile
	list := checklist{&client.TrustProductEvaluation{PolicySID: "RNeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Status: client.EvaluationStatusNoncompliant, Results: []client.EvaluationResult{
		{RequirementName: "unheard_of", ObjectType: "unheard_of", FailureReason: &reason, Invalid: []client.EvaluationInvalidField{
			{ObjectField: "color", FailureReason: "Color is missing."},
		}},
	}}, nil}
	shown := table(func(w *tabwriter.Writer) { checklistTable(w, list) })
	wantLines(t, shown, "[ ] unheard_of", "Something is missing", "color  Color is missing.")
	wantInert(t, "evaluate", shown)
}

// TestExplanation shows a policy as a terminal does.
func TestExplanation(t *testing.T) {
	explanation, _ := catalog.Default().Explain("RNb0d4771c2c98518d916a3d4cd70a8f8b")
	const want = `A2P Messaging: Local - Business (RNb0d4771c2c98518d916a3d4cd70a8f8b) requires:

us_a2p_messaging_profile_information
  an end user of type us_a2p_messaging_profile_information
    company_type         one of private, public, government, non_profit, non-profit
    stock_exchange       text (optional)
    stock_ticker         text (optional)
    brand_contact_email  an e-mail address (optional)

customer_profile
  a customer profile with status pending-review or in-review or twilio-approved and policy RNdfbf3fae0e1107f8aded0e7cead80bf5
  or
  a customer profile with status twilio-approved and policy RN6433641899984f951173ef1738c3bdd0
`
	if got := table(func(w *tabwriter.Writer) { explanationTable(w, explanation) }); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
