package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

type deliveriesCmd struct {
	dbFlag
	Bundle string `placeholder:"SID" help:"List only those of this Trust Product or Customer Profile."`
	Dead   bool   `help:"List only those that were given up."`
	Limit  count  `default:"100" help:"Maximum number to list."`
}

// Run lists callbacks and e-mails, newest first, each with its attempts.
func (c *deliveriesCmd) Run(ctx context.Context, s streams) error {
	filter := store.DeliveryFilter{BundleSID: c.Bundle, Limit: int(c.Limit)}
	if c.Dead {
		filter.State = store.Dead
	}
	return c.use(ctx, func(db *store.Store) error {
		deliveries, err := db.Deliveries(ctx, filter)
		if err != nil {
			return err
		}
		rows := make([]deliveryRow, len(deliveries))
		for i, d := range deliveries {
			rows[i] = newDeliveryRow(d)
		}
		return printResult(s.out, rows, deliveryTable)
	})
}

// deliveryRow is a delivery as it is printed.
type deliveryRow struct {
	ID         string        `json:"id"`
	Channel    trust.Channel `json:"channel"`
	Target     string        `json:"target"`
	BundleSID  string        `json:"bundle_sid"`
	BundleKind trust.Kind    `json:"bundle_kind"`
	Status     trust.Status  `json:"status"`
	State      store.State   `json:"state"`
	Created    time.Time     `json:"date_created"`
	NextTry    *time.Time    `json:"next_attempt"`
	Attempts   []attemptRow  `json:"attempts"`
}

type attemptRow struct {
	Started    time.Time     `json:"started"`
	DurationMS float64       `json:"duration_ms"`
	Verdict    trust.Verdict `json:"verdict"`
	StatusCode int           `json:"status_code,omitempty"`
	Answer     string        `json:"answer,omitempty"`
	Error      string        `json:"error,omitempty"`
}

func newDeliveryRow(d store.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.Notice.ID, Channel: d.Notice.Channel, Target: d.Notice.Target, BundleSID: d.Notice.BundleSID,
		BundleKind: d.Notice.BundleKind, Status: d.Notice.Status, State: d.State, Created: d.Notice.Created, Attempts: []attemptRow{},
	}
	if !d.Due.IsZero() {
		row.NextTry = &d.Due
	}
	for _, a := range d.Attempts {
		row.Attempts = append(row.Attempts, attemptRow{
			a.Started, float64(a.Duration.Microseconds()) / 1000, a.Verdict, a.StatusCode, a.Answer, a.Error,
		})
	}
	return row
}

func deliveryTable(w *tabwriter.Writer, rows []deliveryRow) {
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%q\n", row.ID, row.Channel, row.Status, row.State, row.Target)
		for _, a := range row.Attempts {
			fmt.Fprintf(w, "  %s\t%s\t%d\t%.0f ms\t%q\n", a.Started.Format(time.DateTime), a.Verdict, a.StatusCode, a.DurationMS,
				a.Error+a.Answer)
		}
		if row.NextTry != nil {
			fmt.Fprintf(w, "  next attempt %s\n", row.NextTry.Format(time.DateTime))
		}
	}
}

type replayCmd struct {
	dbFlag
	ID   []string `arg:"" optional:"" name:"id" help:"IDs of the deliveries to send again; 'trusthub deliveries' lists them."`
	Dead bool     `help:"Send all that were given up."`
}

// Run queues deliveries again; a running server on the same database sends them.
func (c *replayCmd) Run(ctx context.Context, s streams) error {
	if c.Dead == (len(c.ID) > 0) {
		return errors.New("give either the IDs of deliveries or --dead")
	}
	return c.use(ctx, func(db *store.Store) error {
		count := len(c.ID)
		if c.Dead {
			var err error
			if count, err = db.ReplayAll(ctx, store.DeliveryFilter{State: store.Dead}, time.Now()); err != nil {
				return err
			}
		}
		for _, id := range c.ID {
			if err := db.Replay(ctx, id, time.Now()); err != nil {
				return fmt.Errorf("delivery %s: %w", id, err)
			}
		}
		return printCount(s, "replayed", count)
	})
}

type dropCmd struct {
	dbFlag
	ID []string `arg:"" name:"id" help:"IDs of the deliveries to give up; 'trusthub deliveries' lists them."`
}

// Run gives up deliveries, so that those behind them for the same bundle can be sent.
func (c *dropCmd) Run(ctx context.Context, s streams) error {
	return c.use(ctx, func(db *store.Store) error {
		for _, id := range c.ID {
			if err := db.Drop(ctx, id, time.Now()); err != nil {
				return fmt.Errorf("delivery %s cannot be dropped: it does not exist or has already ended: %w", id, err)
			}
		}
		return printCount(s, "dropped", len(c.ID))
	})
}

func printCount(s streams, what string, count int) error {
	return printResult(s.out, map[string]int{what: count}, func(w *tabwriter.Writer, _ map[string]int) {
		fmt.Fprintf(w, "%s: %d\n", what, count)
	})
}
