package main

import (
	"context"
	"errors"
	"fmt"
)

const keyedGoal = 0.9

// keyed is figure 9: creates with idempotency keys, compared with creates without.
func (b *bench) keyed(ctx context.Context) ([]row, error) {
	sqlite, err := b.keyedOnSQLite(ctx)
	if err != nil {
		return nil, err
	}
	rows := []row{keyedRow("SQLite", sqlite)}
	rows[0].number = "9"
	values, err := goBenchmark(ctx, "test/bench", "BenchmarkKeyedPostgres", fmt.Sprintf("%dx", b.Rounds), 1)
	if errors.Is(err, errSkipped) {
		b.say("%v", err)
		return append(rows, row{what: "the same on Postgres", reached: noPostgres, verdict: notMeasured}), nil
	}
	if err != nil {
		return nil, err
	}
	m, err := medians(values, "keyed/s", "plain/s", "ratio")
	if err != nil {
		return nil, err
	}
	return append(rows, keyedRow("Postgres", share{m[0], m[1], m[2]})), nil
}

func (b *bench) keyedOnSQLite(ctx context.Context) (_ share, err error) {
	s, err := serveDatabase(ctx, b.path("keyed.db"), durable)
	if err != nil {
		return share{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.work(ctx)
	return inTurns(ctx, b.Rounds, keyedCreates(s.address, b.Connections).rounds(b.Round),
		creates(s.address, b.Connections).rounds(b.Round))
}

func keyedRow(engine string, s share) row {
	return shareRow(engine+": creates with an Idempotency-Key, of those without", s, keyedGoal)
}
