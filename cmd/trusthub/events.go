package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

type eventsCmd struct {
	systemFlags
	SID    string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile, which may have been deleted."`
	Oldest bool   `help:"List the oldest first."`
	Limit  count  `default:"100" help:"Maximum number to list."`
}

// Run lists the history of a bundle, newest first: who changed what, when, and in which request.
func (c *eventsCmd) Run(ctx context.Context, s streams) error {
	var order *operatorapi.ListBundleEventParamsOrder
	if c.Oldest {
		order = new(operatorapi.ListBundleEventParamsOrderAsc)
	}
	return c.onExisting(ctx, s, func(api system) error {
		events, err := collect(int(c.Limit), func(size *int64, token *string) ([]operatorapi.Event, operatorapi.PageMeta, error) {
			page, err := responseOf[operatorapi.EventPage](api.ListBundleEvent(ctx, c.SID, //nolint:bodyclose // responseOf does
				&operatorapi.ListBundleEventParams{Order: order, PageSize: size, PageToken: token}))
			return page.Events, page.Meta, err
		})
		if err != nil {
			return unlessUnknown("bundle", c.SID, err)
		}
		rows := make([]eventRow, len(events))
		for i, e := range events {
			rows[i] = newEventRow(e)
		}
		return printResult(s.out, rows, eventTable)
	})
}

// eventRow is an event as it is printed.
type eventRow struct {
	Number     int64                    `json:"number"`
	Type       operatorapi.EventType    `json:"type"`
	BundleSID  string                   `json:"bundle_sid"`
	Kind       operatorapi.BundleKind   `json:"kind"`
	AccountSID string                   `json:"account_sid"`
	Actor      string                   `json:"actor"`
	RequestID  string                   `json:"request_id,omitempty"`
	Created    time.Time                `json:"date_created"`
	From       operatorapi.BundleStatus `json:"from_status,omitempty"`
	To         operatorapi.BundleStatus `json:"to_status,omitempty"`
	Fields     []string                 `json:"fields,omitempty"`
	Errors     []int                    `json:"errors,omitempty"`
	ObjectSID  string                   `json:"object_sid,omitempty"`
}

func newEventRow(e operatorapi.Event) eventRow {
	return eventRow{
		e.Number, e.Type, e.BundleSID, e.Kind, e.AccountSID, e.Actor, valueOf(e.RequestID), e.DateCreated, valueOf(e.FromStatus),
		valueOf(e.ToStatus), e.Fields, e.Errors, valueOf(e.ObjectSID),
	}
}

func eventTable(w *tabwriter.Writer, rows []eventRow) {
	for _, row := range rows {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n",
			row.Number, row.Created.Format(time.DateTime), row.Actor, row.Type, row.details(), row.RequestID)
	}
}

// details says in words what has changed.
func (row eventRow) details() string {
	var details []string
	switch {
	case row.From != "":
		details = append(details, string(row.From)+" to "+string(row.To))
	case row.To != "":
		details = append(details, string(row.To))
	}
	for i, code := range row.Errors {
		with := "and "
		if i == 0 {
			with = "with "
		}
		details = append(details, with+strconv.Itoa(code))
	}
	if len(row.Fields) > 0 {
		details = append(details, strings.Join(row.Fields, ", "))
	}
	if row.ObjectSID != "" {
		details = append(details, row.ObjectSID)
	}
	return strings.Join(details, " ")
}
