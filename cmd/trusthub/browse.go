package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

type getCmd struct {
	callFlags
	SID string `arg:"" name:"sid" help:"SID of the Trust Product to print."`
}

// Run prints the product as JSON.
func (c *getCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	product, err := api.FetchTrustProduct(ctx, c.SID)
	if err != nil {
		return c.explain(err)
	}
	return printJSON(s.out, product)
}

type listCmd struct {
	callFlags
	Status       *client.BundleStatus `enum:"draft,pending-review,in-review,twilio-rejected,twilio-approved" help:"List only Trust Products in this status: draft, pending-review, in-review, twilio-rejected or twilio-approved."`
	FriendlyName *string              `placeholder:"STRING" help:"List only Trust Products with exactly this name."`
	PolicySID    *string              `name:"policy-sid" placeholder:"SID" help:"List only Trust Products with this policy."`
	Limit        count                `default:"100" help:"Maximum number to list."`
	JSON         bool                 `name:"json" xor:"form" help:"Print JSON to a terminal, too. Other output is JSON anyway."`
	Quiet        bool                 `short:"q" xor:"form" help:"Print only the SIDs, one per line."`
}

// Run lists products, newest first.
func (c *listCmd) Run(ctx context.Context, s streams) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	request := client.ListTrustProductRequest{
		Status: c.Status, FriendlyName: c.FriendlyName, PolicySID: c.PolicySID, PageSize: new(int64(min(c.Limit, 1000))),
	}
	products := []*client.TrustProduct{}
	for product, err := range api.ListTrustProduct(ctx, request) {
		if err != nil {
			return c.explain(err)
		}
		products = append(products, product)
		if len(products) == int(c.Limit) { // before the loop fetches another page
			break
		}
	}
	switch {
	case c.JSON:
		return printJSON(s.out, products)
	case c.Quiet:
		for _, p := range products {
			fmt.Fprintln(s.out, p.SID)
		}
		return nil
	}
	return printResult(s.out, products, func(w *tabwriter.Writer, products []*client.TrustProduct) {
		fmt.Fprintln(w, "SID\tSTATUS\tUPDATED (UTC)\tNAME")
		for _, p := range products {
			fmt.Fprintf(w, "%s\t%s\t%s\t%q\n", p.SID, p.Status, p.DateUpdated.Format(time.DateTime), p.FriendlyName)
		}
	})
}

type deleteCmd struct {
	callFlags
	SID string `arg:"" name:"sid" help:"SID of the Trust Product to delete."`
}

// Run deletes the product and prints nothing.
func (c *deleteCmd) Run(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return c.explain(api.DeleteTrustProduct(ctx, c.SID))
}

// errStopped is the error of a watch that Ctrl-C ended.
var errStopped = errors.New("stopped before the Trust Product was decided")

type watchCmd struct {
	callFlags
	SID   string `arg:"" name:"sid" help:"SID of the Trust Product to watch."`
	Every span   `default:"500ms" help:"Interval between requests."`
}

// Run prints each status that it sees until the product is approved or rejected. The first request must succeed. After that Run
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
	var last client.BundleStatus
	for {
		product, err := api.FetchTrustProduct(ctx, c.SID)
		if ctx.Err() != nil {
			return errStopped
		}
		if err != nil {
			return c.explain(err)
		}
		api = patient
		if product.Status != last {
			last = product.Status
			if err := printWatched(s, product); err != nil {
				return err
			}
		}
		if last == client.BundleStatusTwilioApproved || last == client.BundleStatusTwilioRejected {
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
	SID    string              `json:"sid"`
	Status client.BundleStatus `json:"status"`
	Errors []int               `json:"errors,omitempty"`
}

func printWatched(s streams, p *client.TrustProduct) error {
	row := watched{SID: p.SID, Status: p.Status}
	for _, e := range p.Errors {
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
