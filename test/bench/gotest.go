package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

const module = "github.com/opentrusthub/trusthub"

// errSkipped means that a benchmark was skipped. The error that wraps it has the reason.
var errSkipped = errors.New("skipped")

// goBenchmark runs a benchmark of this module several times, and returns the values of each of its units. Figures that need a
// testing.TB are benchmarks, which can also be run alone with `go test -bench`.
func goBenchmark(ctx context.Context, pkg, name, benchtime string, count int) (map[string][]float64, error) {
	//nolint:gosec // G204: constant names
	cmd := exec.CommandContext(ctx, "go", "test", module+"/"+pkg, "-run", "^$", "-bench", "^"+name+"$", "-v",
		"-benchtime", benchtime, "-count", strconv.Itoa(count), "-timeout", "30m")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s in %s: %w\n%s", name, pkg, err, &out)
	}
	return parseBenchmark(out.String(), name)
}

// parseBenchmark reads lines such as "BenchmarkX-2  100  7 ns/op  3.1 time-ratio".
func parseBenchmark(out, name string) (map[string][]float64, error) {
	if strings.Contains(out, "--- SKIP: "+name) {
		_, reason, _ := strings.Cut(out, "_test.go:") // the text of t.Skip follows its position
		_, reason, _ = strings.Cut(reason, ": ")
		reason, _, _ = strings.Cut(reason, "\n")
		return nil, fmt.Errorf("%w: %s", errSkipped, reason)
	}
	values := map[string][]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("the result %q: %w", line, err)
			}
			values[fields[i+1]] = append(values[fields[i+1]], value)
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s printed no result:\n%s", name, out)
	}
	return values, nil
}

// medians returns the median of each of the units.
func medians(values map[string][]float64, units ...string) ([]float64, error) {
	found := make([]float64, len(units))
	for i, unit := range units {
		if len(values[unit]) == 0 {
			return nil, fmt.Errorf("the benchmark reports no %s", unit)
		}
		found[i] = median(values[unit])
	}
	return found, nil
}
