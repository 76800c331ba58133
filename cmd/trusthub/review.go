package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// validityFlag is shared by the commands that can approve.
type validityFlag struct {
	ValidFor span `default:"8760h" env:"TRUSTHUB_VALID_FOR" help:"How long an approval is valid (8760h is 365 days)."`
}

type approveCmd struct {
	dbFlag
	validityFlag
	SID string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to approve."`
}

// Run approves the bundle. A running server on the same database notifies the customer.
func (c *approveCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		return decide(ctx, s, db, c.SID, trust.Policy{ValidFor: time.Duration(c.ValidFor)}, trust.Change{Status: new(trust.TwilioApproved)})
	})
}

type rejectCmd struct {
	dbFlag
	SID  string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to reject."`
	Code []int  `required:"" help:"Rejection code, for example 18602. Can be repeated."`
}

// Run rejects the bundle. A running server on the same database notifies the customer.
func (c *rejectCmd) Run(ctx context.Context, s streams) error {
	for _, code := range c.Code {
		if !trust.ValidRejectionCode(code) {
			return fmt.Errorf("invalid rejection code %d: it must have five digits", code)
		}
	}
	return c.use(ctx, func(db *store.Store) error {
		return decide(ctx, s, db, c.SID, trust.Policy{}, trust.Change{Status: new(trust.TwilioRejected), Reasons: c.Code})
	})
}

// decide approves or rejects a bundle and prints it.
func decide(ctx context.Context, s streams, db *store.Store, sid string, policy trust.Policy, decision trust.Change) error {
	after, err := operator.Decide(ctx, db, sid, policy, decision, time.Now())
	if status, ok := errors.AsType[*operator.StatusError](err); ok {
		return fmt.Errorf("%s %w", sid, status)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("unknown bundle %s", sid)
	case err != nil:
		return err
	}
	return printResult(s.out, newReviewRow(after), reviewTable)
}

type reviewsCmd struct {
	dbFlag
	Limit count `default:"100" help:"Maximum number to list."`
}

// Run lists the bundles that are waiting for a reviewer, longest waiting first.
func (c *reviewsCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		bundles, err := db.UndecidedBundles(ctx, store.Place{}, int(c.Limit))
		if err != nil {
			return err
		}
		rows := make([]reviewRow, len(bundles))
		for i, b := range bundles {
			rows[i] = newReviewRow(b)
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []reviewRow) {
			for _, row := range rows {
				reviewTable(w, row)
			}
		})
	})
}

// reviewRow is a bundle as a reviewer sees it.
type reviewRow struct {
	SID          string       `json:"sid"`
	Kind         trust.Kind   `json:"kind"`
	AccountSID   string       `json:"account_sid"`
	FriendlyName string       `json:"friendly_name"`
	Status       trust.Status `json:"status"`
	Errors       []int        `json:"errors,omitempty"`
	Updated      time.Time    `json:"date_updated"`
}

func newReviewRow(b trust.Bundle) reviewRow {
	return reviewRow{b.SID, b.Kind, b.AccountSID, b.FriendlyName, b.Status, b.Errors, b.Updated.Truncate(time.Second)}
}

func reviewTable(w *tabwriter.Writer, row reviewRow) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%q\n", row.SID, row.Kind.Name(), row.Status, row.Updated.Format(time.DateTime), row.FriendlyName)
}
