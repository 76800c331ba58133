package main

import (
	"context"
	"fmt"
	"time"
)

// share is the speeds of two loads, in requests a second, and the ratio of the first to the second: medians of several rounds.
type share struct{ first, second, ratio float64 }

// side is a round of one of two loads that are compared.
type side func(context.Context) (loaded, error)

// rounds returns rounds of the load that take a duration.
func (l load) rounds(d time.Duration) side {
	return func(ctx context.Context) (loaded, error) { return l.lasting(ctx, d) }
}

// inTurns alternately runs two loads.
func inTurns(ctx context.Context, rounds int, first, second side) (share, error) {
	speeds, ratios := [2][]float64{}, []float64{}
	for n := range rounds + 1 {
		var now [2]float64
		for i, run := range []side{first, second} {
			done, err := run(ctx)
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

// shareRow is a row for a share that is to be at least the goal.
func shareRow(what string, s share, goal float64) row {
	return row{
		what: what, reached: fmt.Sprintf("%s/s of %s/s", thousands(s.first), thousands(s.second)),
		ratio: fmt.Sprintf("%.2f", s.ratio), goal: fmt.Sprintf("at least %.1f", goal), verdict: judge(s.ratio >= goal),
	}
}

// timesRow is a row for what may take at most so many times as long as something else: the inverse of the share of its speed.
func timesRow(what string, s share, goal float64) row {
	times := 1 / s.ratio
	r := shareRow(what, s, goal)
	r.ratio, r.goal, r.verdict = fmt.Sprintf("%.2f", times), fmt.Sprintf("at most %.1f", goal), judge(times <= goal)
	return r
}
