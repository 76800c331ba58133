package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

type deliveriesCmd struct {
	systemFlags
	Bundle string `placeholder:"SID" help:"List only those of this Trust Product or Customer Profile."`
	Dead   bool   `help:"List only those that were given up."`
	Limit  count  `default:"100" help:"Maximum number to list."`
}

// Run lists callbacks and e-mails, newest first, each with its attempts.
func (c *deliveriesCmd) Run(ctx context.Context, s streams) error {
	filter := operatorapi.ListDeliveryParams{BundleSID: optional(c.Bundle)}
	if c.Dead {
		filter.State = new(operatorapi.DeliveryStateDead)
	}
	return c.onExisting(ctx, s, func(api system) error {
		deliveries, err := collect(int(c.Limit), func(size *int64, token *string) ([]operatorapi.Delivery, operatorapi.PageMeta, error) {
			filter.PageSize, filter.PageToken = size, token
			page, err := responseOf[operatorapi.DeliveryPage](api.ListDelivery(ctx, &filter)) //nolint:bodyclose // responseOf does
			return page.Deliveries, page.Meta, err
		})
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
	ID         string                    `json:"id"`
	Channel    operatorapi.Channel       `json:"channel"`
	Target     string                    `json:"target"`
	BundleSID  string                    `json:"bundle_sid"`
	BundleKind operatorapi.BundleKind    `json:"bundle_kind"`
	Status     operatorapi.BundleStatus  `json:"status"`
	State      operatorapi.DeliveryState `json:"state"`
	Created    time.Time                 `json:"date_created"`
	NextTry    *time.Time                `json:"next_attempt"`
	Attempts   []attemptRow              `json:"attempts"`
}

type attemptRow struct {
	Started    time.Time                  `json:"started"`
	DurationMS float64                    `json:"duration_ms"`
	Verdict    operatorapi.AttemptVerdict `json:"verdict"`
	StatusCode int                        `json:"status_code,omitempty"`
	Answer     string                     `json:"answer,omitempty"`
	Error      string                     `json:"error,omitempty"`
}

func newDeliveryRow(d operatorapi.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.ID, Channel: d.Channel, Target: d.Target, BundleSID: d.BundleSID, BundleKind: d.Kind, Status: d.Status, State: d.State,
		Created: d.DateCreated, NextTry: d.NextAttempt, Attempts: []attemptRow{},
	}
	for _, a := range d.Attempts {
		row.Attempts = append(row.Attempts, attemptRow{
			a.DateStarted, a.DurationMs, a.Verdict, valueOf(a.StatusCode), a.Answer, a.Error,
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
	systemFlags
	ID   []string `arg:"" optional:"" name:"id" help:"IDs of the deliveries to send again; 'trusthub deliveries' lists them."`
	Dead bool     `help:"Send all that were given up."`
}

// Run queues deliveries again; a server on the same database sends them.
func (c *replayCmd) Run(ctx context.Context, s streams) error {
	if c.Dead == (len(c.ID) > 0) {
		return errors.New("give either the IDs of deliveries or --dead")
	}
	return c.onExisting(ctx, s, func(api system) error {
		count := len(c.ID)
		if c.Dead {
			var err error
			if count, err = replayDead(ctx, api); err != nil {
				return err
			}
		}
		for _, id := range c.ID {
			if _, err := responseOf[operatorapi.Delivery](api.ReplayDelivery(ctx, id)); err != nil { //nolint:bodyclose // responseOf does
				return fmt.Errorf("delivery %s: %w", id, err)
			}
		}
		return printCount(s, "replayed", count)
	})
}

// maxReplayed is how many deliveries a CreateReplay queues at most.
const maxReplayed = 1000

// replayDead queues all deliveries again that were given up, and returns how many. It stops after a round
// that queued few, and not when no delivery is dead, because a receiver can refuse deliveries as fast as they are queued.
func replayDead(ctx context.Context, api system) (int, error) {
	dead := operatorapi.CreateReplayRequest{State: operatorapi.CreateReplayRequestStateDead}
	for count := 0; ; {
		replay, err := responseOf[operatorapi.Replay](api.CreateReplay(ctx, dead)) //nolint:bodyclose // responseOf does
		count += replay.Replayed
		if err != nil || replay.Replayed < maxReplayed {
			return count, err
		}
	}
}

type dropCmd struct {
	systemFlags
	ID []string `arg:"" name:"id" help:"IDs of the deliveries to give up; 'trusthub deliveries' lists them."`
}

// Run gives up deliveries, so that those behind them for the same bundle can be sent.
func (c *dropCmd) Run(ctx context.Context, s streams) error {
	return c.onExisting(ctx, s, func(api system) error {
		for _, id := range c.ID {
			if _, err := responseOf[operatorapi.Delivery](api.DropDelivery(ctx, id)); err != nil { //nolint:bodyclose // responseOf does
				return fmt.Errorf("delivery %s: %w", id, err)
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
