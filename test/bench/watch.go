package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// watched is what a program took while it served, sampled at intervals.
type watched struct{ memory, log []int } // in bytes; log is SQLite's write-ahead log

// watch samples until seen is called.
func (b *bench) watch(ctx context.Context, p *program, database string) (seen func() watched) {
	ctx, stop := context.WithCancel(ctx)
	result := make(chan watched, 1)
	go func() {
		var w watched
		every := time.NewTicker(min(time.Second, b.Mixed/20))
		defer every.Stop()
		for {
			select {
			case <-every.C:
				w.memory, w.log = append(w.memory, p.memory("VmRSS")), append(w.log, fileSize(database+"-wal"))
			case <-ctx.Done():
				result <- w
				return
			}
		}
	}()
	return func() watched {
		stop()
		return <-result
	}
}

// fileSize returns 0 for a file that does not exist.
func fileSize(name string) int {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || info == nil {
		return 0
	}
	return int(info.Size())
}

// byParts calls figure for each of the consecutive parts of a series, and joins the results.
func byParts[T any](series []T, figure func([]T) string) string {
	texts := make([]string, mixedParts)
	for i := range texts {
		texts[i] = figure(series[i*len(series)/mixedParts : (i+1)*len(series)/mixedParts])
	}
	return strings.Join(texts, ", ")
}

func overTime(latencies []time.Duration) row {
	return row{
		what:    "its p99 in each fifth of the time",
		reached: byParts(latencies, func(part []time.Duration) string { return short(quantile(slices.Clone(part), 0.99)) }),
	}
}

func megabytes(part []int) string {
	most := 0
	for _, bytes := range part {
		most = max(most, bytes)
	}
	return fmt.Sprintf("%d MB", most/megabyte)
}

// memoryRow compares the memory at the end with that after the first fifth, when the program has warmed up.
func (w watched) memoryRow() row {
	r := row{what: "its memory in each fifth, the last of the first", goal: fmt.Sprintf("at most %.2f", flatGoal)}
	count := len(w.memory)
	if count < mixedParts || w.memory[0] == 0 {
		r.reached, r.verdict = "no /proc on this system", notMeasured
		return r
	}
	first, last := slices.Max(w.memory[:count/mixedParts]), slices.Max(w.memory[count-count/mixedParts:])
	growth := float64(last) / float64(first)
	r.reached, r.ratio, r.verdict = byParts(w.memory, megabytes), fmt.Sprintf("%.2f", growth), judge(growth <= flatGoal)
	return r
}

func (w watched) logRow() row {
	return row{what: "its write-ahead log in each fifth", reached: byParts(w.log, megabytes)}
}
