package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseBenchmark(t *testing.T) {
	const out = "goos: linux\nBenchmarkEdge\nBenchmarkEdge-2 \t 100\t 0 ns/op\t 2.5 time-ratio\n" +
		"BenchmarkEdge-2 \t 100\t 0 ns/op\t 1.5 time-ratio\nPASS\n"
	values, err := parseBenchmark(out, "BenchmarkEdge")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := medians(values, "time-ratio"); err != nil || got[0] != 2 {
		t.Errorf("median %v, %v; want 2", got, err)
	}
	if _, err := medians(values, "alloc-ratio"); err == nil {
		t.Error("a unit that was not reported has a median")
	}
}

func TestParseSkippedBenchmark(t *testing.T) {
	const out = "BenchmarkPostgres\n    postgres_test.go:27: no Postgres to test with: install it\n--- SKIP: BenchmarkPostgres\nPASS\n"
	_, err := parseBenchmark(out, "BenchmarkPostgres")
	if !errors.Is(err, errSkipped) || !strings.HasSuffix(err.Error(), ": no Postgres to test with: install it") {
		t.Errorf("got %v", err)
	}
	if _, err := parseBenchmark("PASS\n", "BenchmarkPostgres"); err == nil || errors.Is(err, errSkipped) {
		t.Errorf("no result at all: %v", err)
	}
}

func TestNumbersForPeople(t *testing.T) {
	got := []string{
		thousands(7), thousands(999), thousands(1000), thousands(1_234_567.8), short(1234567 * time.Nanosecond),
		short(999_600 * time.Nanosecond), short(123_456 * time.Microsecond), short(-41_700 * time.Nanosecond),
	}
	want := []string{"7", "999", "1,000", "1,234,567", "1.23ms", "1ms", "123ms", "-42µs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuantile(t *testing.T) {
	all := []time.Duration{5, 1, 4, 2, 3}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 4, 1: 5} {
		if got := quantile(all, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("without values: %v", got)
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	rows := []row{{number: "1", what: "creates", reached: "8/s", ratio: "0.80", goal: "at least 0.8", verdict: met}}
	if err := printRows(&out, rows); err != nil {
		t.Fatal(err)
	}
	const want = "   what     reached  ratio  goal          \n1  creates  8/s      0.80   at least 0.8  met\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
