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

type eventsCmd struct {
	dbFlag
	SID    string `arg:"" name:"sid" help:"SID of the Trust Product or Customer Profile, which may have been deleted."`
	Oldest bool   `help:"List the oldest first."`
	Limit  count  `default:"100" help:"Maximum number to list."`
}

// Run lists the history of a bundle, newest first: who changed what, when, and in which request.
func (c *eventsCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		events, err := db.History(ctx, c.SID, store.HistoryPage{Newest: !c.Oldest, Limit: int(c.Limit)})
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("unknown bundle %s", c.SID)
		}
		if err != nil {
			return err
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
	Number     int64           `json:"number"`
	Type       trust.EventType `json:"type"`
	BundleSID  string          `json:"bundle_sid"`
	Kind       trust.Kind      `json:"kind"`
	AccountSID string          `json:"account_sid"`
	Actor      trust.Actor     `json:"actor"`
	RequestID  string          `json:"request_id,omitempty"`
	Created    time.Time       `json:"date_created"`
	From       trust.Status    `json:"from_status,omitempty"`
	To         trust.Status    `json:"to_status,omitempty"`
	Fields     []string        `json:"fields,omitempty"`
	Errors     []int           `json:"errors,omitempty"`
	ObjectSID  string          `json:"object_sid,omitempty"`
}

func newEventRow(e trust.Event) eventRow {
	return eventRow{
		e.Number, e.Type, e.BundleSID, e.BundleKind, e.AccountSID, e.By, e.RequestID, e.At, e.From, e.To, e.Fields, e.Errors, e.ObjectSID,
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
