package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

type accountsRotateCmd struct {
	systemFlags
	SID     string `arg:"" name:"sid" help:"SID of the account."`
	Replace bool   `help:"Replace a secondary auth token that the account has already, which ends within a second."`
}

// Run gives the account a secondary token.
func (c *accountsRotateCmd) Run(ctx context.Context, s streams) error {
	c.needsToken = true
	return c.onExisting(ctx, s, func(api system) error {
		params := operatorapi.RotateAccountTokenParams{Replace: optional(c.Replace)}
		rotated, err := responseOf[operatorapi.RotatedAccount](api.RotateAccountToken(ctx, c.SID, &params)) //nolint:bodyclose // responseOf does
		if err != nil {
			return unlessUnknown("account", c.SID, err)
		}
		return printResult(s.out, rotated, func(w *tabwriter.Writer, rotated operatorapi.RotatedAccount) {
			fmt.Fprintf(w, "%s\t%s\n", rotated.AccountSID, rotated.SecondaryAuthToken)
		})
	})
}

type accountsPromoteCmd struct {
	systemFlags
	SID string `arg:"" name:"sid" help:"SID of the account."`
}

// Run makes the account's secondary token its primary one.
func (c *accountsPromoteCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		promoted, err := responseOf[operatorapi.Account](api.PromoteAccountToken(ctx, c.SID)) //nolint:bodyclose // responseOf does
		if err != nil {
			return unlessUnknown("account", c.SID, err)
		}
		return printResult(s.out, newAccountRow(promoted), accountTable)
	})
}
