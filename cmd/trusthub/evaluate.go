package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// noncompliantStatus is the exit status of evaluate for errNoncompliant.
const noncompliantStatus = 3

var errNoncompliant = errors.New("the Trust Product does not comply with the policy")

type evaluateCmd struct {
	callFlags
	SID       string `arg:"" name:"sid" help:"SID of the Trust Product."`
	PolicySID string `name:"policy-sid" placeholder:"SID" help:"SID of the policy to compare it with. Its own by default."`
}

// Run has the server evaluate the product and prints the evaluation, as a checklist on a terminal. It returns errNoncompliant if
// the product does not comply.
func (c *evaluateCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	evaluation, err := c.evaluate(ctx, api)
	if err != nil {
		return c.explain(err)
	}
	if s.out.terminal() == nil {
		err = printJSON(s.out, evaluation)
	} else {
		var list checklist
		if list, err = newChecklist(ctx, api, evaluation); err == nil {
			err = printResult(s.out, list, checklistTable)
		}
	}
	switch {
	case err != nil:
		return c.explain(err)
	case evaluation.Status != client.EvaluationStatusCompliant:
		return errNoncompliant
	}
	return nil
}

func (c *evaluateCmd) evaluate(ctx context.Context, api *client.Client) (*client.TrustProductEvaluation, error) {
	policySID := c.PolicySID
	if policySID == "" {
		product, err := api.FetchTrustProduct(ctx, c.SID)
		if err != nil {
			return nil, err
		}
		policySID = product.PolicySID
	}
	return api.CreateTrustProductEvaluation(ctx, c.SID, client.CreateTrustProductEvaluationRequest{PolicySID: policySID})
}

// checklist is an evaluation with what is known of the objects that it was made of.
type checklist struct {
	*client.TrustProductEvaluation

	assigned map[string]string // the SID of the newest object of a type, for types that have not passed
}

// newChecklist looks up the objects that have to be changed.
func newChecklist(ctx context.Context, api *client.Client, e *client.TrustProductEvaluation) (checklist, error) {
	list := checklist{e, map[string]string{}}
	for _, result := range e.Results {
		if result.Passed {
			continue
		}
		those := client.ListTrustProductEntityAssignmentRequest{ObjectType: &result.ObjectType}
		for a, err := range api.ListTrustProductEntityAssignment(ctx, e.TrustProductSID, those) {
			if err != nil {
				return checklist{}, err
			}
			list.assigned[result.ObjectType] = max(list.assigned[result.ObjectType], a.ObjectSID) // later SIDs sort later
		}
	}
	return list, nil
}

func checklistTable(w *tabwriter.Writer, list checklist) {
	policy, _ := catalog.Default().Explain(list.PolicySID) // the server may know other policies; then there is less to say
	fmt.Fprintf(w, "%s is %s with policy %s\n", list.TrustProductSID, list.Status,
		strings.TrimSpace(list.PolicySID+" "+policy.FriendlyName))
	if len(list.Results) == 0 {
		fmt.Fprintln(w, "The server requires nothing for this policy.")
	}
	for _, result := range list.Results {
		i := slices.IndexFunc(policy.Requirements, func(r catalog.Requirement) bool { return r.Name == result.RequirementName })
		var requirement catalog.Requirement
		if i >= 0 {
			requirement = policy.Requirements[i]
		}
		list.item(w, result, requirement)
	}
}

// item prints a requirement. The requirement is empty if the catalog does not have it.
func (list checklist) item(w *tabwriter.Writer, result client.EvaluationResult, requirement catalog.Requirement) {
	if result.Passed {
		note := ""
		if requirement.Optional && len(result.Valid) == 0 {
			note = " (optional, nothing is assigned)"
		}
		fmt.Fprintf(w, "\n[x] %s%s\n", result.RequirementName, note)
		return
	}
	fmt.Fprintf(w, "\n[ ] %s\n", result.RequirementName)
	if result.FailureReason != nil {
		fmt.Fprintf(w, "    %s\n", *result.FailureReason)
	}
	i := slices.IndexFunc(requirement.Alternatives, func(a catalog.Alternative) bool { return a.Type == result.ObjectType })
	var wanted catalog.Alternative
	if i >= 0 {
		wanted = requirement.Alternatives[i]
	}
	for _, field := range result.Invalid {
		if i := slices.IndexFunc(wanted.Fields, func(f catalog.ExplainedField) bool { return f.Name == field.ObjectField }); i >= 0 {
			fmt.Fprintf(w, "      %s\t%s\t(%s)\n", field.ObjectField, field.FailureReason, wanted.Fields[i].Rule)
		} else if result.FailureReason == nil || field.FailureReason != *result.FailureReason {
			fmt.Fprintf(w, "      %s\t%s\n", field.ObjectField, field.FailureReason)
		}
	}
	for _, line := range remedy(list.TrustProductSID, requirement, wanted, list.assigned[result.ObjectType]) {
		fmt.Fprintf(w, "    %s\n", line)
	}
}

// remedy returns what to do for a requirement. object is the SID of what is assigned for it, empty for nothing.
func remedy(productSID string, r catalog.Requirement, wanted catalog.Alternative, object string) []string {
	switch {
	case wanted.Type == "": // not in the catalog
		return nil
	case r.Kind == catalog.EndUser:
		return remedyOfObject(productSID, "EndUser", "IT", wanted, object)
	case r.Kind == catalog.SupportingDocument:
		return remedyOfObject(productSID, "SupportingDocument", "RD", wanted, object)
	case object != "":
		return []string{fmt.Sprintf("%s must have status %s.", object, strings.Join(wanted.Statuses, " or "))}
	}
	lines := []string{"Assign one of these:"}
	for _, a := range r.Alternatives {
		lines = append(lines, "  "+describeObject(r.Kind, a))
	}
	return append(lines, "  trusthub assign "+productSID+" BU...")
}

func remedyOfObject(productSID, resource, prefix string, wanted catalog.Alternative, object string) []string {
	var members []string
	for _, f := range wanted.Fields {
		if !f.Optional {
			members = append(members, fmt.Sprintf("%q: \"...\"", f.Name))
		}
	}
	attributes := " -f 'Attributes={" + strings.Join(members, ", ") + "}'"
	if object != "" {
		return []string{"Update it; the new attributes replace the old ones:", "  trusthub api Update" + resource + " -f Sid=" + object + attributes}
	}
	return []string{
		"Create one and assign it:",
		"  trusthub api Create" + resource + " -f FriendlyName=NAME -f Type=" + wanted.Type + attributes,
		"  trusthub assign " + productSID + " " + prefix + "...",
	}
}
