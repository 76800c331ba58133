package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/opentrusthub/trusthub/internal/trust/catalog"
)

// policiesCmd asks no server: the API does not tell what is optional, nor the rules for the fields. The catalog is the one that
// this program's server evaluates with.
type policiesCmd struct {
	SID string `arg:"" optional:"" name:"sid" help:"SID of the policy to explain. Without it, all are listed."`
}

// policyRow is a policy in a list.
type policyRow struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
}

// Run lists the policies, or explains one.
func (c *policiesCmd) Run(s streams) error {
	if c.SID != "" {
		explanation, ok := catalog.Default().Explain(c.SID)
		if !ok {
			return errors.New("unknown policy: 'trusthub policies' lists those that are known; any other requires nothing")
		}
		return printResult(s.out, explanation, explanationTable)
	}
	var rows []policyRow
	for _, p := range catalog.Default().Policies() {
		rows = append(rows, policyRow{p.SID, p.FriendlyName})
	}
	return printResult(s.out, rows, func(w *tabwriter.Writer, rows []policyRow) {
		for _, row := range rows {
			fmt.Fprintf(w, "%s\t%s\n", row.SID, row.FriendlyName)
		}
	})
}

func explanationTable(w *tabwriter.Writer, e catalog.Explanation) {
	fmt.Fprintf(w, "%s (%s) requires:\n", e.FriendlyName, e.SID)
	for _, r := range e.Requirements {
		fmt.Fprintf(w, "\n%s", r.Name)
		if r.Optional {
			fmt.Fprint(w, " (optional)")
		}
		fmt.Fprintln(w)
		for i, a := range r.Alternatives {
			if i > 0 {
				fmt.Fprintln(w, "  or")
			}
			fmt.Fprintf(w, "  %s\n", describeObject(r.Kind, a))
			for _, f := range a.Fields {
				rule := f.Rule
				if f.Optional {
					rule += " (optional)"
				}
				fmt.Fprintf(w, "    %s\t%s\n", f.Name, rule)
			}
		}
	}
}

// describeObject returns what an alternative asks for, with the policies that a bundle may have.
func describeObject(kind catalog.Kind, a catalog.Alternative) string {
	switch {
	case kind == catalog.EndUser || kind == catalog.SupportingDocument:
		return a.Describe(kind)
	case len(a.PolicySIDs) == 0:
		return a.Describe(kind) + " (no policy of type " + a.Type + " is known)"
	}
	return a.Describe(kind) + " and policy " + strings.Join(a.PolicySIDs, " or ")
}
