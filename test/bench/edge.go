package main

import (
	"context"
	"fmt"
)

const (
	edgeGoal      = 2.5
	validatorGoal = 10_000 // ns
)

// edge is figure 3: the cost of package api compared with a handler written by hand for a single operation. BenchmarkEdge of
// package api measures both.
func (b *bench) edge(ctx context.Context) ([]row, error) {
	benchtime, count := "20000x", b.Rounds
	if b.Quick {
		benchtime = "500x"
	}
	values, err := goBenchmark(ctx, "api", "BenchmarkEdge", benchtime, count)
	if err != nil {
		return nil, err
	}
	m, err := medians(values, "layer-ns", "bare-ns", "time-ratio", "layer-allocs", "bare-allocs", "alloc-ratio")
	if err != nil {
		return nil, err
	}
	alone, err := goBenchmark(ctx, "api", "BenchmarkValidate", benchtime, count)
	if err != nil {
		return nil, err
	}
	validator, err := medians(alone, "ns/op")
	if err != nil {
		return nil, err
	}
	goal := fmt.Sprintf("at most %.1f", edgeGoal)
	return []row{{
		number: "3", what: "the edge beside a bare net/http handler, time",
		reached: fmt.Sprintf("%.1f µs of %.1f µs", m[0]/1000, m[1]/1000),
		ratio:   fmt.Sprintf("%.2f", m[2]), goal: goal, verdict: judge(m[2] <= edgeGoal),
	}, {
		what: "the same, allocations", reached: fmt.Sprintf("%.0f of %.0f", m[3], m[4]),
		ratio: fmt.Sprintf("%.2f", m[5]), goal: goal, verdict: judge(m[5] <= edgeGoal),
	}, {
		what: "the validator alone, a create with all parameters", reached: fmt.Sprintf("%.1f µs", validator[0]/1000),
		goal: fmt.Sprintf("at most %d µs", validatorGoal/1000), verdict: judge(validator[0] <= validatorGoal),
	}}, nil
}
