package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	idleGoal      = 2 * time.Millisecond
	idleEndpoints = 30_000 // of BenchmarkOpenEndpoints
)

// idle is figure 13: what it costs the worker to find that nothing is due, while many endpoints wait for their next attempt.
// BenchmarkOpenEndpoints of package jobs measures it.
func (b *bench) idle(ctx context.Context) ([]row, error) {
	benchtime, count := "300x", min(b.Rounds, 3)
	if b.Quick {
		benchtime = "20x"
	}
	var rows []row
	for _, engine := range []string{"SQLite", "Postgres"} {
		r := row{
			what: fmt.Sprintf("%s: an idle cycle of the worker with %s open endpoints", engine, thousands(idleEndpoints)),
			goal: "at most " + short(idleGoal),
		}
		values, err := goBenchmark(ctx, "internal/jobs", "BenchmarkOpenEndpoints/"+strings.ToLower(engine), benchtime, count)
		switch {
		case errors.Is(err, errSkipped):
			b.say("%v", err)
			r.reached, r.verdict = noPostgres, notMeasured
		case err != nil:
			return nil, err
		default:
			m, err := medians(values, "ns/op")
			if err != nil {
				return nil, err
			}
			cycle := time.Duration(m[0])
			r.reached, r.verdict = short(cycle), judge(cycle <= idleGoal)
		}
		rows = append(rows, r)
	}
	rows[0].number = "13"
	return rows, nil
}
