package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type getCmd struct {
	callFlags
	SID string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to print."`
}

// Run prints the bundle as JSON.
func (c *getCmd) Run(ctx context.Context, s streams) error {
	_, b, err := c.find(ctx, c.SID)
	if err != nil {
		return err
	}
	return printJSON(s.out, b.all)
}

type listCmd struct {
	callFlags
	kindFlag
	Status       *trust.Status `enum:"draft,pending-review,in-review,twilio-rejected,twilio-approved" help:"List only those in this status: draft, pending-review, in-review, twilio-rejected or twilio-approved."`
	FriendlyName *string       `placeholder:"STRING" help:"List only those with exactly this name."`
	PolicySID    *string       `name:"policy-sid" placeholder:"SID" help:"List only those with this policy."`
	Limit        count         `default:"100" help:"Maximum number to list."`
	JSON         bool          `name:"json" xor:"form" help:"Print JSON to a terminal, too. Other output is JSON anyway."`
	Quiet        bool          `short:"q" xor:"form" help:"Print only the SIDs, one per line."`
}

// Run lists bundles of one kind, newest first.
func (c *listCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	query := url.Values{"PageSize": {strconv.Itoa(min(int(c.Limit), maxPageSize))}}
	setOptional(query, "Status", c.Status)
	setOptional(query, "FriendlyName", c.FriendlyName)
	setOptional(query, "PolicySid", c.PolicySID)
	var bundles []bundle
	for b, err := range listBundles(ctx, api, c.Kind, query) {
		if err != nil {
			return c.explain(err)
		}
		bundles = append(bundles, b)
		if len(bundles) == int(c.Limit) { // before the loop fetches another page
			break
		}
	}
	switch {
	case c.Quiet:
		for _, b := range bundles {
			fmt.Fprintln(s.out, b.SID)
		}
		return nil
	case c.JSON || s.out.terminal() == nil:
		items := make([]any, len(bundles))
		for i, b := range bundles {
			items[i] = b.all
		}
		return printJSON(s.out, items)
	}
	return printResult(s.out, bundles, bundleTable)
}

// maxPageSize is the API's largest PageSize.
const maxPageSize = 1000

func bundleTable(w *tabwriter.Writer, bundles []bundle) {
	fmt.Fprintln(w, "SID\tSTATUS\tUPDATED (UTC)\tNAME")
	for _, b := range bundles {
		fmt.Fprintf(w, "%s\t%s\t%s\t%q\n", b.SID, b.Status, b.DateUpdated.Format(time.DateTime), b.FriendlyName)
	}
}

// errStopped is the error of a watch that Ctrl-C ended.
var errStopped = errors.New("stopped before the bundle was approved or rejected")

type watchCmd struct {
	callFlags
	SID   string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to watch."`
	Every span   `default:"500ms" help:"Interval between requests."`
}

// Run prints each status that it sees until the bundle is approved or rejected. The first requests must succeed. After that Run
// waits about 15 seconds for a server that restarts.
func (c *watchCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	patient, err := c.clientThatRetries(client.RetryPolicy{MaxAttempts: 10, MaxWait: 5 * time.Second})
	if err != nil {
		return err
	}
	ticker := time.NewTicker(max(time.Duration(c.Every), 10*time.Millisecond))
	defer ticker.Stop()
	var last trust.Status
	for b, err := findBundle(ctx, api, c.SID); ; b, err = fetchBundle(ctx, patient, b) {
		if ctx.Err() != nil {
			return errStopped
		}
		if err != nil {
			return c.explain(err)
		}
		if b.Status != last {
			last = b.Status
			if err := printWatched(s, b); err != nil {
				return err
			}
		}
		if last == trust.TwilioApproved || last == trust.TwilioRejected {
			return nil
		}
		select {
		case <-ctx.Done():
			return errStopped
		case <-ticker.C:
		}
	}
}

// watched is a status as it is printed. Outside a terminal each is a line of JSON.
type watched struct {
	SID    string       `json:"sid"`
	Status trust.Status `json:"status"`
	Errors []int        `json:"errors,omitempty"`
}

func printWatched(s streams, b bundle) error {
	row := watched{SID: b.SID, Status: b.Status}
	for _, e := range b.Errors {
		row.Errors = append(row.Errors, e.Code)
	}
	return printLine(s.out, row, func(w *tabwriter.Writer, row watched) {
		fmt.Fprintf(w, "%s\t%s", row.SID, row.Status)
		for _, code := range row.Errors {
			fmt.Fprintf(w, "\t%d", code)
		}
		fmt.Fprintln(w)
	})
}
