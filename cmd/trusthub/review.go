package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

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
	SID string `arg:"" name:"sid" help:"SID of the Trust Product to approve."`
}

// Run approves the product. A running server on the same database notifies the customer.
func (c *approveCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		return decide(ctx, s, db, c.SID, trust.Policy{ValidFor: time.Duration(c.ValidFor)}, trust.Change{Status: new(trust.TwilioApproved)})
	})
}

type rejectCmd struct {
	dbFlag
	SID  string `arg:"" name:"sid" help:"SID of the Trust Product to reject."`
	Code []int  `required:"" help:"Rejection code, for example 18602. Can be repeated."`
}

// Run rejects the product. A running server on the same database notifies the customer.
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

// decide approves or rejects a product and prints it.
func decide(ctx context.Context, s streams, db *store.Store, sid string, policy trust.Policy, decision trust.Change) error {
	var before trust.Bundle
	after, err := db.ReviewBundle(ctx, sid, func(p trust.Bundle) (trust.Outcome, error) {
		before = p
		return policy.Decide(p, decision, time.Now())
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("unknown Trust Product %s", sid)
	case errors.Is(err, trust.ErrStatusChange):
		return fmt.Errorf("%s is %s, but only a submitted Trust Product can be approved or rejected: %w", sid, describeStatus(before), err)
	case err != nil:
		return err
	}
	return printResult(s.out, newProductRow(after), productTable)
}

// describeStatus returns a product's status, with the codes of a rejection.
func describeStatus(p trust.Bundle) string {
	if p.Status != trust.TwilioRejected {
		return string(p.Status)
	}
	if len(p.Errors) == 0 {
		return string(p.Status) + " because its approval expired"
	}
	codes := make([]string, len(p.Errors))
	for i, code := range p.Errors {
		codes[i] = strconv.Itoa(code)
	}
	return string(p.Status) + " with " + strings.Join(codes, ", ")
}

type productsCmd struct {
	dbFlag
	Limit count `default:"100" help:"Maximum number to list."`
}

// Run lists the products that are waiting for a reviewer, longest waiting first.
func (c *productsCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		products, err := db.UndecidedBundles(ctx, int(c.Limit))
		if err != nil {
			return err
		}
		rows := make([]productRow, len(products))
		for i, p := range products {
			rows[i] = newProductRow(p)
		}
		return printResult(s.out, rows, func(w *tabwriter.Writer, rows []productRow) {
			for _, row := range rows {
				productTable(w, row)
			}
		})
	})
}

// productRow is a product as a reviewer sees it.
type productRow struct {
	SID          string       `json:"sid"`
	AccountSID   string       `json:"account_sid"`
	FriendlyName string       `json:"friendly_name"`
	Status       trust.Status `json:"status"`
	Errors       []int        `json:"errors,omitempty"`
	Updated      time.Time    `json:"date_updated"`
}

func newProductRow(p trust.Bundle) productRow {
	return productRow{p.SID, p.AccountSID, p.FriendlyName, p.Status, p.Errors, p.Updated.Truncate(time.Second)}
}

func productTable(w *tabwriter.Writer, row productRow) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%q\n", row.SID, row.Status, row.Updated.Format(time.DateTime), row.FriendlyName)
}
