package retryafter_test

import (
	"math"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/retryafter"
)

func TestParse(t *testing.T) {
	const invalid = -1
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                                  invalid,
		"0":                                 0,
		"1":                                 time.Second,
		" 120 ":                             2 * time.Minute,
		"86400":                             24 * time.Hour,
		"86401":                             24 * time.Hour,
		"9223372036854775807":               24 * time.Hour,
		"99999999999999999999":              24 * time.Hour,
		"-1":                                invalid,
		"+1":                                invalid,
		"1.5":                               invalid,
		"1, 2":                              invalid,
		"soon":                              invalid,
		"Wed, 04 Mar 2026 05:07:07 GMT":     time.Minute,
		"Wednesday, 04-Mar-26 05:07:07 GMT": time.Minute, // the two obsolete forms
		"Wed Mar  4 05:07:07 2026":          time.Minute,
		"Wed, 04 Mar 2026 05:06:07 GMT":     0,
		"Wed, 04 Mar 2026 05:06:06 GMT":     0,
		"Thu, 01 Jan 1970 00:00:00 GMT":     0,
		"Thu, 05 Mar 2026 05:06:08 GMT":     24 * time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT":     24 * time.Hour,
		"Wed, 04 Mar 2026 05:07:07 +0100":   invalid,
	} {
		got, ok := retryafter.Parse(header, now, 24*time.Hour)
		if !ok && got == 0 {
			got = invalid
		}
		if got != want {
			t.Errorf("%q: %v, %v, want %v", header, got, ok, want)
		}
	}
}

// TestLimit: a limit that is not in whole seconds may be reached, but not exceeded.
func TestLimit(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{
		0: 0, time.Millisecond: time.Millisecond, 1500 * time.Millisecond: 1500 * time.Millisecond, time.Minute: 2 * time.Second,
		math.MaxInt64: 2 * time.Second,
	} {
		if got, ok := retryafter.Parse("2", time.Time{}, limit); got != want || !ok {
			t.Errorf("limit %v: %v, want %v", limit, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "0", 1: "1", time.Second: "1", time.Second + 1: "2", time.Hour: "3600", math.MaxInt64: "9223372037",
	} {
		if got := retryafter.Format(wait); got != want {
			t.Errorf("%v: %q, want %q", wait, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "0", "7", "-1", "18446744073709551616", " 1\t", "Wed, 04 Mar 2026 05:07:07 GMT", "Mon Jan  2 15:04:05 0000"} {
		f.Add(seed, int64(0), int64(time.Hour))
	}
	f.Add("18446744073709551615", int64(math.MinInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, header string, now, limit int64) {
		if limit < 0 {
			return // the caller's mistake
		}
		wait, ok := retryafter.Parse(header, time.Unix(now, 0), time.Duration(limit))
		if wait < 0 || wait > time.Duration(limit) || !ok && wait != 0 {
			t.Errorf("%v, %v", wait, ok)
		}
		again, ok := retryafter.Parse(retryafter.Format(wait), time.Unix(now, 0), math.MaxInt64)
		if !ok || again < wait || again-wait >= time.Second && wait < math.MaxInt64-time.Second {
			t.Errorf("%v is %v once it is written and read", wait, again)
		}
	})
}
