package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// evaluator evaluates the bundles of an account as a terminal shows it.
type evaluator struct {
	*testing.T

	server *apitest.Server
	api    *client.Client
}

func newEvaluator(t *testing.T) evaluator {
	s := apitest.New(t, apitest.WithManualReview())
	api, err := client.New(client.WithBaseURL(s.BaseURL), client.WithCredentials(s.AccountSID, s.AuthToken), client.WithHTTPClient(s.Client()))
	if err != nil {
		t.Fatal(err)
	}
	return evaluator{t, s, api}
}

// create creates a bundle called Acme and returns its SID.
func (e evaluator) create(kind trust.Kind, policySID string) string {
	e.Helper()
	form := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@acme.example"}, "PolicySid": {policySID}}
	b, err := sendForBundle(e.Context(), e.api, kind, http.MethodPost, bundlesPath(kind), form)
	if err != nil {
		e.Fatal(err)
	}
	return b.SID
}

func (e evaluator) submit(sid string) {
	e.Helper()
	b := e.find(sid)
	if _, err := sendForBundle(e.Context(), e.api, b.kind, http.MethodPost, b.path(), url.Values{"Status": {"pending-review"}}); err != nil {
		e.Fatal(err)
	}
}

func (e evaluator) find(sid string) bundle {
	e.Helper()
	b, err := findBundle(e.Context(), e.api, sid)
	if err != nil {
		e.Fatal(err)
	}
	return b
}

func (e evaluator) assign(sid, object string) {
	e.Helper()
	if _, err := assignEntity(e.Context(), e.api, e.find(sid), object); err != nil {
		e.Fatal(err)
	}
}

// assignEndUser creates an end user, assigns it and returns its SID.
func (e evaluator) assignEndUser(sid, kind, attributes string) string {
	e.Helper()
	user, err := e.api.CreateEndUser(e.Context(), client.CreateEndUserRequest{FriendlyName: "Acme", Type: kind, Attributes: attributes})
	if err != nil {
		e.Fatal(err)
	}
	e.assign(sid, user.SID)
	return user.SID
}

// show evaluates a bundle against a policy, its own if that is empty, and returns what a terminal shows.
func (e evaluator) show(sid, policySID string) string {
	e.Helper()
	b := e.find(sid)
	evaluated, err := evaluate(e.Context(), e.api, b, policySID)
	if err != nil {
		e.Fatal(err)
	}
	list, err := newChecklist(e.Context(), e.api, b, evaluated)
	if err != nil {
		e.Fatal(err)
	}
	return table(func(w *tabwriter.Writer) { checklistTable(w, list) })
}

const (
	voiceIntegrity = "RN5b3660f9598883b1df4e77f77acefba0"
	secondary      = "RNdfbf3fae0e1107f8aded0e7cead80bf5"
)

// TestChecklist prints what a terminal shows of a product that gets more and more of what it needs.
func TestChecklist(t *testing.T) {
	e := newEvaluator(t)
	product := e.create(trust.TrustProduct, voiceIntegrity)
	const attributes = `'Attributes={"use_case": "...", "business_employee_count": "...", "average_business_day_call_volume": "..."}'`

	wantLines(t, e.show(product, ""),
		product+" is noncompliant with policy "+voiceIntegrity+" Voice Integrity",
		"[ ] voice_integrity_information",
		"  trusthub api CreateEndUser -f FriendlyName=NAME -f Type=voice_integrity_information -f "+attributes,
		"  trusthub assign "+product+" IT...",
		"[ ] customer_profile",
	)
	older := e.assignEndUser(product, "voice_integrity_information", `{"use_case":"Support","business_employee_count":"10"}`)
	user := e.assignEndUser(product, "voice_integrity_information", `{"use_case":"Support","business_employee_count":10}`)
	shown := e.show(product, "")
	wantLines(t, shown,
		"[ ] voice_integrity_information",
		"      business_employee_count           Business Employee Count must be text.         (a whole number above 0, written as text)",
		"      average_business_day_call_volume  Average Business Day Call Volume is missing.  (a whole number above 0, written as text)",
		"  trusthub api UpdateEndUser -f Sid="+user+" -f "+attributes,
	)
	if strings.Contains(shown, "CreateEndUser") || strings.Contains(shown, older) {
		t.Errorf("it does not name the newest end user alone:\n%s", shown)
	}
	e.assignEndUser(product, "voice_integrity_information", `{"use_case":"Support","business_employee_count":"10","average_business_day_call_volume":"5"}`)
	wantLines(t, e.show(product, ""), "[x] voice_integrity_information", "[ ] customer_profile")
	wantLines(t, e.show(product, secondary),
		"[x] authorized_representative_2 (optional, nothing is assigned)",
		"  trusthub api CreateSupportingDocument -f FriendlyName=NAME -f Type=customer_profile_address -f 'Attributes={\"address_sids\": \"...\"}'",
		"  trusthub assign "+product+" RD...",
	)
	wantLines(t, e.show(product, "RNeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"), "The server requires nothing for this policy.")
}

// TestChecklistOfBundles prints which bundle is missing or not far enough, and the command that is next.
func TestChecklistOfBundles(t *testing.T) {
	e := newEvaluator(t)
	primary := e.server.PrimaryCustomerProfileSID
	product := e.create(trust.TrustProduct, voiceIntegrity)
	assign := "        trusthub assign " + product + " "

	wantLines(t, e.show(product, ""),
		"[ ] customer_profile",
		"    Assign one of these:",
		"      a customer profile with status pending-review or in-review or twilio-approved and policy "+secondary,
		"        trusthub create --kind customer-profile --policy-sid "+secondary+" --friendly-name NAME --email ADDRESS",
		assign+"BU...",
		"      a customer profile with status twilio-approved and policy "+trust.PrimaryPolicySID,
		assign+primary+` # "Primary Customer Profile", twilio-approved`,
	)
	profile := e.create(trust.CustomerProfile, secondary)
	shown := e.show(product, "")
	wantLines(t, shown, assign+profile+` # "Acme", draft`, "        Submit the Customer Profile first:", "          trusthub submit "+profile)
	if strings.Contains(shown, "trusthub create") {
		t.Errorf("it proposes to create a profile, though there is one:\n%s", shown)
	}

	e.assign(product, profile)
	shown = e.show(product, "")
	wantLines(t, shown, "[ ] customer_profile", "    Submit the Customer Profile first:", "      trusthub submit "+profile)
	if strings.Contains(shown, "Assign one of these") {
		t.Errorf("it proposes to assign what is assigned:\n%s", shown)
	}
	wantLines(t, e.show(profile, ""),
		profile+" is noncompliant with policy "+secondary,
		"[ ] primary_customer_profile",
		"        trusthub assign "+profile+" "+primary+` # "Primary Customer Profile", twilio-approved`)
	e.submit(profile)
	wantLines(t, e.show(product, ""), "[x] customer_profile")
	e.server.Reject(profile, 18602)
	wantLines(t, e.show(product, ""),
		"[ ] customer_profile", "    Correct the Customer Profile and submit it again:", "      trusthub submit "+profile)
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
	list := checklist{items: []item{{EvaluationResult: client.EvaluationResult{
		RequirementName: "unheard_of", ObjectType: "unheard_of", FailureReason: &reason,
		Invalid: []client.EvaluationInvalidField{{ObjectField: "color", FailureReason: "Color is missing."}},
	}}}}
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
