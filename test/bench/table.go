package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// verdict is whether a row's number meets its goal.
type verdict string

const (
	met         verdict = "met"
	notMet      verdict = "not met"
	notMeasured verdict = "not measured"
)

func judge(reached bool) verdict {
	if reached {
		return met
	}
	return notMet
}

// row is one line of the table.
type row struct {
	number, what, reached string
	ratio                 string // within this run; empty if the goal is not relative
	goal                  string
	verdict               verdict
}

func printRows(w io.Writer, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...any) { fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", cells...) } //nolint:errcheck // see Flush
	line("", "what", "reached", "ratio", "goal", "")
	for _, r := range rows {
		line(r.number, r.what, r.reached, r.ratio, r.goal, r.verdict)
	}
	return table.Flush()
}

// quantile returns the q-quantile of the values, which it sorts.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// thousands writes a number for people: 12,345.
func thousands[T int | float64](n T) string {
	digits := strconv.Itoa(int(n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", share*100) }

// short rounds a duration to its significant digits.
func short(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
