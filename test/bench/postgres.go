package main

import (
	"context"
	"errors"
	"fmt"
)

const (
	postgresGoal = 0.6
	noPostgres   = "no Postgres on this machine"
)

// postgres is figure 5, which BenchmarkPostgres measures because only tests can start a private cluster.
func (b *bench) postgres(ctx context.Context) ([]row, error) {
	what := "Postgres: durable creates, of plain INSERTs, one pool size"
	goal := fmt.Sprintf("at least %.1f", postgresGoal)
	values, err := goBenchmark(ctx, "test/bench", "BenchmarkPostgres", fmt.Sprintf("%dx", b.Rounds), 1)
	if errors.Is(err, errSkipped) {
		b.say("%v", err)
		return []row{{number: "5", what: what, reached: noPostgres, goal: goal, verdict: notMeasured}}, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := medians(values, "creates/s", "inserts/s", "ratio")
	if err != nil {
		return nil, err
	}
	return []row{{
		number: "5", what: what, reached: fmt.Sprintf("%s/s of %s/s", thousands(m[0]), thousands(m[1])),
		ratio: fmt.Sprintf("%.2f", m[2]), goal: goal, verdict: judge(m[2] >= postgresGoal),
	}}, nil
}
