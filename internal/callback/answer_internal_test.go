package callback

import (
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                                  0,
		"0":                                 0,
		"1":                                 time.Second,
		" 120 ":                             2 * time.Minute,
		"86400":                             24 * time.Hour,
		"86401":                             24 * time.Hour,
		"9223372036854775807":               24 * time.Hour,
		"99999999999999999999":              24 * time.Hour,
		"-1":                                0,
		"+1":                                0,
		"1.5":                               0,
		"1, 2":                              0,
		"soon":                              0,
		"Wed, 04 Mar 2026 05:07:07 GMT":     time.Minute,
		"Wednesday, 04-Mar-26 05:07:07 GMT": time.Minute, // the two obsolete forms
		"Wed Mar  4 05:07:07 2026":          time.Minute,
		"Wed, 04 Mar 2026 05:06:07 GMT":     0,
		"Wed, 04 Mar 2026 05:06:06 GMT":     0,
		"Thu, 01 Jan 1970 00:00:00 GMT":     0,
		"Thu, 05 Mar 2026 05:06:08 GMT":     24 * time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT":     24 * time.Hour,
		"Wed, 04 Mar 2026 05:07:07 +0100":   0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
