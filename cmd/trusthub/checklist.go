package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// checklist is an evaluation of a bundle, and what to do for the requirements that are not fulfilled.
type checklist struct {
	bundle bundle
	evaluation
	policy catalog.Explanation // empty if this program's catalog does not have it: servers may know other policies
	items  []item              // one for each result
}

// item is a result with what is known of it.
type item struct {
	client.EvaluationResult
	requirement catalog.Requirement // empty if the catalog does not have it
	wanted      catalog.Alternative // that the result is of; empty if the catalog does not have it

	// These are looked up only if the requirement is not fulfilled.
	object     string              // the SID of the newest object of the type that is assigned, empty if none is
	assigned   *bundle             // that object, if it is a bundle of the account
	candidates map[string][]bundle // the account's newest bundles of each type that could be assigned, if none is
}

// maxCandidates limits how many bundles of a policy are proposed.
const maxCandidates = 3

// newChecklist looks up the objects that have to be changed, and the bundles that could be assigned.
func newChecklist(ctx context.Context, api *client.Client, b bundle, e evaluation) (checklist, error) {
	list := checklist{bundle: b, evaluation: e}
	list.policy, _ = catalog.Default().Explain(e.PolicySID)
	for _, result := range e.Results {
		it := list.explain(result)
		if !it.Passed {
			if err := it.lookUp(ctx, api, b); err != nil {
				return checklist{}, err
			}
		}
		list.items = append(list.items, it)
	}
	return list, nil
}

// explain adds what the catalog knows of a result.
func (list checklist) explain(result client.EvaluationResult) item {
	it := item{EvaluationResult: result}
	for _, r := range list.policy.Requirements {
		if r.Name == result.RequirementName {
			it.requirement = r
		}
	}
	for _, a := range it.requirement.Alternatives {
		if a.Type == result.ObjectType {
			it.wanted = a
		}
	}
	return it
}

// bundleKind returns the kind of bundle that is required, and false if it is something else.
func (it *item) bundleKind() (trust.Kind, bool) {
	switch it.requirement.Kind {
	case catalog.CustomerProfile:
		return trust.CustomerProfile, true
	case catalog.TrustProduct:
		return trust.TrustProduct, true
	case catalog.EndUser, catalog.SupportingDocument:
	}
	return "", false
}

func (it *item) lookUp(ctx context.Context, api *client.Client, of bundle) error {
	for body, err := range list(ctx, api, of.path()+entityAssignments, url.Values{"ObjectType": {it.ObjectType}}) {
		var a assignment
		if err == nil && json.Unmarshal(*body, &a) != nil {
			err = errUnexpected
		}
		if err != nil {
			return err
		}
		it.object = max(it.object, a.ObjectSID) // later SIDs sort later
	}
	kind, ok := it.bundleKind()
	if !ok {
		return nil
	}
	if it.object == "" {
		return it.findCandidates(ctx, api, kind, of)
	}
	assigned, err := fetchBundle(ctx, api, bundle{SID: it.object, kind: kind})
	switch {
	case err == nil:
		it.assigned = &assigned
	case !isAbsent(err): // it may belong to another account
		return err
	}
	return nil
}

// findCandidates finds bundles of the account that could be assigned.
func (it *item) findCandidates(ctx context.Context, api *client.Client, kind trust.Kind, of bundle) error {
	it.candidates = map[string][]bundle{}
	for _, a := range it.requirement.Alternatives {
		for _, policySID := range a.PolicySIDs {
			query := url.Values{"PolicySid": {policySID}, "PageSize": {strconv.Itoa(maxCandidates)}}
			for b, err := range listBundles(ctx, api, kind, query) {
				if isAbsent(err) || len(it.candidates[a.Type]) == maxCandidates {
					break
				}
				if err != nil {
					return err
				}
				if b.SID != of.SID {
					it.candidates[a.Type] = append(it.candidates[a.Type], b)
				}
			}
		}
	}
	return nil
}

func checklistTable(w *tabwriter.Writer, list checklist) {
	fmt.Fprintf(w, "%s is %s with policy %s\n", list.bundle.SID, list.Status,
		strings.TrimSpace(list.PolicySID+" "+list.policy.FriendlyName))
	if len(list.Results) == 0 {
		fmt.Fprintln(w, "The server requires nothing for this policy.")
	}
	for _, it := range list.items {
		it.print(w, list.bundle)
	}
}

func (it *item) print(w *tabwriter.Writer, of bundle) {
	if it.Passed {
		note := ""
		if it.requirement.Optional && len(it.Valid) == 0 {
			note = " (optional, nothing is assigned)"
		}
		fmt.Fprintf(w, "\n[x] %s%s\n", it.RequirementName, note)
		return
	}
	fmt.Fprintf(w, "\n[ ] %s\n", it.RequirementName)
	if it.FailureReason != nil {
		fmt.Fprintf(w, "    %s\n", *it.FailureReason)
	}
	for _, field := range it.Invalid {
		i := slices.IndexFunc(it.wanted.Fields, func(f catalog.ExplainedField) bool { return f.Name == field.ObjectField })
		if i >= 0 {
			fmt.Fprintf(w, "      %s\t%s\t(%s)\n", field.ObjectField, field.FailureReason, it.wanted.Fields[i].Rule)
		} else if it.FailureReason == nil || field.FailureReason != *it.FailureReason {
			fmt.Fprintf(w, "      %s\t%s\n", field.ObjectField, field.FailureReason)
		}
	}
	for _, line := range it.remedy(of) {
		fmt.Fprintf(w, "    %s\n", line)
	}
}

// remedy returns what to do so that the bundle fulfills the requirement.
func (it *item) remedy(of bundle) []string {
	if it.wanted.Type == "" { // not in the catalog
		return nil
	}
	kind, isBundle := it.bundleKind()
	switch {
	case it.requirement.Kind == catalog.EndUser:
		return it.remedyOfObject(of, "EndUser", trust.EndUserPrefix)
	case it.requirement.Kind == catalog.SupportingDocument:
		return it.remedyOfObject(of, "SupportingDocument", trust.SupportingDocumentPrefix)
	case !isBundle:
		return nil
	case it.assigned != nil:
		return nextStep(*it.assigned)
	case it.object != "":
		return []string{fmt.Sprintf("%s must have status %s.", it.object, strings.Join(it.wanted.Statuses, " or "))}
	}
	lines := []string{"Assign one of these:"}
	for _, a := range it.requirement.Alternatives {
		lines = append(lines, "  "+describeObject(it.requirement.Kind, a))
		for _, line := range it.waysToAssign(of, kind, a) {
			lines = append(lines, "    "+line)
		}
	}
	return lines
}

// nextStep returns what to do with a bundle whose status is not far enough.
func nextStep(b bundle) []string {
	switch b.Status {
	case trust.Draft:
		return []string{"Submit the " + b.kind.Name() + " first:", "  trusthub submit " + b.SID}
	case trust.TwilioRejected:
		return []string{"Correct the " + b.kind.Name() + " and submit it again:", "  trusthub submit " + b.SID}
	case trust.PendingReview, trust.InReview:
		return []string{"Wait until the " + b.kind.Name() + " is approved:", "  trusthub watch " + b.SID}
	case trust.TwilioApproved:
	}
	return nil
}

// waysToAssign returns commands that assign a bundle of one type. It creates one only if the account has none.
func (it *item) waysToAssign(of bundle, kind trust.Kind, a catalog.Alternative) (lines []string) {
	assign := "trusthub assign " + of.SID + " "
	for _, b := range it.candidates[a.Type] {
		lines = append(lines, fmt.Sprintf("%s%s # %q, %s", assign, b.SID, b.FriendlyName, b.Status))
		if !slices.Contains(a.Statuses, string(b.Status)) {
			lines = append(lines, nextStep(b)...)
		}
	}
	if len(lines) > 0 {
		return lines
	}
	for _, policySID := range a.PolicySIDs {
		if policySID != trust.PrimaryPolicySID { // such a profile cannot be created
			lines = append(lines, fmt.Sprintf("trusthub create --kind %s --policy-sid %s --friendly-name NAME --email ADDRESS", kind, policySID))
		}
	}
	return append(lines, assign+trust.BundlePrefix+"...")
}

func (it *item) remedyOfObject(of bundle, resource, prefix string) []string {
	var members []string
	for _, f := range it.wanted.Fields {
		if !f.Optional {
			members = append(members, fmt.Sprintf("%q: \"...\"", f.Name))
		}
	}
	attributes := " -f 'Attributes={" + strings.Join(members, ", ") + "}'"
	if it.object != "" {
		return []string{
			"Update it; the new attributes replace the old ones:", "  trusthub api Update" + resource + " -f Sid=" + it.object + attributes,
		}
	}
	return []string{
		"Create one and assign it:",
		"  trusthub api Create" + resource + " -f FriendlyName=NAME -f Type=" + it.wanted.Type + attributes,
		"  trusthub assign " + of.SID + " " + prefix + "...",
	}
}
