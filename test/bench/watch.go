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

const (
	takenLimit = 0.02 // of the processors' time
	recovery   = 5    // samples until the backlog of a disturbance is gone
)

// watched is what a program took while it served, sampled at intervals.
type watched struct {
	memory, log []int     // in bytes; log is SQLite's write-ahead log
	taken       []float64 // the share of the processors' time that the host took
}

// watch samples until seen is called.
func (b *bench) watch(ctx context.Context, p *program, database string) (seen func() watched) {
	ctx, stop := context.WithCancel(ctx)
	result := make(chan watched, 1)
	go func() {
		var w watched
		before := readProcessors()
		every := time.NewTicker(min(time.Second, b.Mixed/20))
		defer every.Stop()
		for {
			select {
			case <-every.C:
				now := readProcessors()
				w.memory, w.log = append(w.memory, p.memory("VmRSS")), append(w.log, fileSize(database+"-wal"))
				w.taken, before = append(w.taken, now.takenSince(before)), now
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

func (w watched) takenRow() row {
	mean := func(part []float64) string {
		sum := 0.0
		for _, share := range part {
			sum += share
		}
		return percent(sum / float64(max(1, len(part))))
	}
	return row{what: "processor time that the host took in each fifth", reached: byParts(w.taken, mean)}
}

// undisturbed returns the latencies of the times in which, and shortly before which, the host took almost none of the processors'
// time. The latencies are in their order and spread evenly over the samples.
func (w watched) undisturbed(latencies []time.Duration) (quiet []time.Duration) {
	wait := 0
	for i, share := range w.taken {
		if wait = max(0, wait-1); share > takenLimit {
			wait = recovery
		}
		if wait == 0 {
			quiet = append(quiet, latencies[i*len(latencies)/len(w.taken):(i+1)*len(latencies)/len(w.taken)]...)
		}
	}
	return quiet
}

// undisturbedRow has the p99 that depends on the program more than on the machine.
func (w watched) undisturbedRow(latencies []time.Duration) row {
	r := row{
		what: fmt.Sprintf("its p99 when the host took at most %s of the processor time", percent(takenLimit)),
		goal: "at most " + short(mixedGoal),
	}
	quiet := w.undisturbed(latencies)
	share := percent(float64(len(quiet)) / float64(max(1, len(latencies))))
	if readProcessors().all == 0 {
		r.reached, r.verdict = "no /proc on this system", notMeasured
		return r
	}
	if len(quiet) == 0 {
		r.reached, r.verdict = "it always took more", notMeasured
		return r
	}
	tail := quantile(quiet, percentHighest)
	r.reached, r.verdict = fmt.Sprintf("%s, %s of the requests", short(tail), share), judge(tail <= mixedGoal)
	return r
}
