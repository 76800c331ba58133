package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type approveCmd struct {
	systemFlags
	SID      string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to approve."`
	ValidFor *span  `env:"TRUSTHUB_VALID_FOR" placeholder:"DURATION" help:"How long the approval is valid, in whole seconds. By default 8760h, which is 365 days; with --operator-url, as long as the server approves."`
}

// Run approves the bundle. A server on the same database notifies the customer.
func (c *approveCmd) Run(ctx context.Context, s streams) error {
	var params operatorapi.ApproveReviewParams
	if c.ValidFor != nil {
		validFor := time.Duration(*c.ValidFor)
		if validFor%time.Second != 0 {
			return errors.New("--valid-for must be in whole seconds")
		}
		params.ValidForSeconds = new(int64(validFor / time.Second))
	}
	return c.onExisting(ctx, s, func(api system) error {
		review, err := responseOf[operatorapi.Review](api.ApproveReview(ctx, c.SID, &params)) //nolint:bodyclose // responseOf does
		return printDecision(s, c.SID, review, err)
	})
}

type rejectCmd struct {
	systemFlags
	SID  string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile to reject."`
	Code []int  `required:"" help:"Rejection code, for example 18602. Can be repeated."`
}

// Run rejects the bundle. A server on the same database notifies the customer.
func (c *rejectCmd) Run(ctx context.Context, s streams) error {
	for _, code := range c.Code {
		if !trust.ValidRejectionCode(code) {
			return fmt.Errorf("invalid rejection code %d: it must have five digits", code)
		}
	}
	return c.onExisting(ctx, s, func(api system) error {
		reasons := operatorapi.RejectReviewRequest{Errors: c.Code}
		review, err := responseOf[operatorapi.Review](api.RejectReview(ctx, c.SID, reasons)) //nolint:bodyclose // responseOf does
		return printDecision(s, c.SID, review, err)
	})
}

// printDecision prints what came of an approval or rejection.
func printDecision(s streams, sid string, review operatorapi.Review, err error) error {
	if err != nil {
		return unlessUnknown("bundle", sid, err)
	}
	return printResult(s.out, newReviewRow(review), reviewTable)
}

// unknownError is a response with status 404 for what a SID names.
type unknownError struct {
	what, sid string
	cause     error
}

func (e *unknownError) Error() string { return "unknown " + e.what + " " + e.sid }
func (e *unknownError) Unwrap() error { return e.cause }

// unlessUnknown returns an error that names what does not exist if err means that, and otherwise err.
func unlessUnknown(what, sid string, err error) error {
	if isStatus(err, http.StatusNotFound) {
		return &unknownError{what, sid, err}
	}
	return err
}

type reviewsCmd struct {
	systemFlags
	Limit count `default:"100" help:"Maximum number to list."`
}

// Run lists the bundles that are waiting for a reviewer, longest waiting first.
func (c *reviewsCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		reviews, err := collect(int(c.Limit), func(size *int64, token *string) ([]operatorapi.Review, operatorapi.PageMeta, error) {
			params := operatorapi.ListReviewParams{PageSize: size, PageToken: token}
			page, err := responseOf[operatorapi.ReviewPage](api.ListReview(ctx, &params)) //nolint:bodyclose // responseOf does
			return page.Reviews, page.Meta, err
		})
		if err != nil {
			return err
		}
		rows := make([]reviewRow, len(reviews))
		for i, r := range reviews {
			rows[i] = newReviewRow(r)
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
	SID          string                   `json:"sid"`
	Kind         operatorapi.BundleKind   `json:"kind"`
	AccountSID   string                   `json:"account_sid"`
	FriendlyName string                   `json:"friendly_name"`
	Status       operatorapi.BundleStatus `json:"status"`
	Errors       []int                    `json:"errors,omitempty"`
	Updated      time.Time                `json:"date_updated"`
}

func newReviewRow(r operatorapi.Review) reviewRow {
	return reviewRow{r.BundleSID, r.Kind, r.AccountSID, r.FriendlyName, r.Status, r.Errors, r.DateUpdated}
}

func reviewTable(w *tabwriter.Writer, row reviewRow) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%q\n", row.SID, trust.Kind(row.Kind).Name(), row.Status, row.Updated.Format(time.DateTime), row.FriendlyName)
}
