package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

type requestsCmd struct {
	systemFlags
	Account   string       `placeholder:"SID" help:"List only those of this account, including those with a wrong auth token."`
	Bundle    string       `placeholder:"SID" help:"List only those with this SID in the path or as a parameter."`
	Operation string       `placeholder:"NAME" help:"List only those of this operation, for example CreateTrustProduct."`
	Status    statusFilter `placeholder:"STATUS" help:"List only those with this HTTP status, for example 429, or 4xx for all that were refused."`
	Code      int          `help:"List only those that were refused with this error code."`
	Follow    bool         `help:"Print the requests from now on as they come, each as a line of JSON in a pipe. It goes on after a lost connection."`
	Limit     count        `default:"100" help:"Maximum number to list, without --follow."`
}

// Run lists the latest requests of customers, newest first, with the reason if they were refused.
func (c *requestsCmd) Run(ctx context.Context, s streams) error {
	if c.OperatorURL == "" {
		return errors.New("requests are not in the database but in the memory of the server that got them: name it with --operator-url " +
			"(TRUSTHUB_OPERATOR_URL)")
	}
	if c.Follow {
		return c.onServer(ctx, s, noTimeout, func(api system) error {
			f := follower{api: api, streams: s, params: operatorapi.StreamRequestParams{
				AccountSID: optional(c.Account), BundleSID: optional(c.Bundle), Operation: optional(c.Operation), Code: optional(c.Code),
				Status: optional(c.Status.status), StatusClass: optional(c.Status.class),
			}}
			return f.follow(ctx)
		})
	}
	params := operatorapi.ListRequestParams{
		AccountSID: optional(c.Account), BundleSID: optional(c.Bundle), Operation: optional(c.Operation), Code: optional(c.Code),
		Status: optional(c.Status.status), StatusClass: optional(c.Status.class),
	}
	return c.onServer(ctx, s, callTimeout, func(api system) error {
		server := ""
		requests, err := collect(int(c.Limit), func(size *int64, token *string) ([]operatorapi.Request, operatorapi.PageMeta, error) {
			params.PageSize, params.PageToken = size, token
			page, err := responseOf[operatorapi.RequestPage](api.ListRequest(ctx, &params)) //nolint:bodyclose // responseOf does
			if err == nil && server != "" && page.Server != server {
				err = fmt.Errorf("the servers %s and %s take turns at this URL: give the address of one", server, page.Server)
			}
			server = page.Server
			return page.Requests, page.Meta, err
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(s.err, "requests to the server", server)
		return printResult(s.out, requests, func(w *tabwriter.Writer, requests []operatorapi.Request) {
			for _, r := range requests {
				requestTable(w, r)
			}
		})
	})
}

func requestTable(w *tabwriter.Writer, r operatorapi.Request) {
	operation := valueOf(r.Operation)
	if operation == "" {
		operation = r.Method + " " + r.Path
	}
	account := valueOf(r.AccountSID)
	for _, claimed := range []*string{r.ClaimedAccountSID, r.ClaimedAPIKeySID} {
		if account == "" && claimed != nil {
			account = *claimed + "?" // nobody has authenticated as it
		}
	}
	code := ""
	if r.Code != nil {
		code = strconv.Itoa(*r.Code)
	}
	fmt.Fprintf(w, "%s  %d  %5s  %-35s  %s  %6.0f ms  %s\n",
		r.DateEnded.Format(time.DateTime), r.Status, code, account, r.RequestID, r.DurationMs, operation)
	if r.Message != nil {
		fmt.Fprintf(w, "  %s\n", *r.Message)
	}
	for _, parameter := range r.Parameters {
		fmt.Fprintf(w, "  %s=%q\n", parameter.Name, parameter.Value)
	}
}

// statusFilter is a flag for an HTTP status, or for a class of them.
type statusFilter struct{ status, class int }

// UnmarshalText reads "404" or "4xx". The API knows which there are.
func (f *statusFilter) UnmarshalText(text []byte) error {
	digits, isClass := strings.CutSuffix(strings.ToLower(string(text)), "xx")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return errors.New("must be an HTTP status such as 404, or 4xx for all from 400 to 499")
	}
	*f = statusFilter{status: n}
	if isClass {
		*f = statusFilter{class: n}
	}
	return nil
}
