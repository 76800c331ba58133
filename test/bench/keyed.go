package main

import (
	"context"
	"errors"
	"fmt"
	"time"
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
		return append(rows, row{what: "the same on Postgres", reached: "no Postgres on this machine", verdict: notMeasured}), nil
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
	return inTurns(ctx, b.Rounds, b.Round, keyedCreates(s.address, b.Connections), creates(s.address, b.Connections))
}

// share is the speeds of two loads, in requests a second, and the ratio of the first to the second: medians of several rounds.
type share struct{ first, second, ratio float64 }

// inTurns alternately runs two loads.
func inTurns(ctx context.Context, rounds int, round time.Duration, first, second load) (share, error) {
	speeds, ratios := [2][]float64{}, []float64{}
	for n := range rounds + 1 {
		var now [2]float64
		for i, side := range []load{first, second} {
			done, err := side.lasting(ctx, round)
			if err != nil {
				return share{}, err
			}
			now[i] = done.perSecond()
		}
		if n == 0 {
			continue // it warmed the server up
		}
		speeds[0], speeds[1] = append(speeds[0], now[0]), append(speeds[1], now[1])
		ratios = append(ratios, now[0]/now[1])
	}
	return share{median(speeds[0]), median(speeds[1]), median(ratios)}, nil
}

func keyedRow(engine string, s share) row {
	return row{
		what:    engine + ": creates with an Idempotency-Key, of those without",
		reached: fmt.Sprintf("%s/s of %s/s", thousands(s.first), thousands(s.second)),
		ratio:   fmt.Sprintf("%.2f", s.ratio),
		goal:    fmt.Sprintf("at least %.1f", keyedGoal), verdict: judge(s.ratio >= keyedGoal),
	}
}
