package trust_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

func TestNewSIDForm(t *testing.T) {
	for _, prefix := range []string{trust.AccountPrefix, trust.BundlePrefix} {
		form := regexp.MustCompile("^" + prefix + "[0-9a-f]{32}$")
		for _, at := range []time.Time{time.UnixMilli(0), now, lastMilli} {
			if sid := trust.NewSID(prefix, at); !form.MatchString(sid) {
				t.Errorf("NewSID(%q, %s) = %q, want the form %s", prefix, at, sid, form)
			}
		}
	}
	if sid := trust.NewSID(trust.AccountPrefix, now); !trust.ValidAccountSID(sid) {
		t.Errorf("%q was made here and is not valid", sid)
	}
}

// lastMilli is the last that 12 hex digits can hold, in the year 10889.
var lastMilli = time.UnixMilli(1<<48 - 1)

func TestNewSIDOrder(t *testing.T) {
	for name, pair := range map[string][2]time.Time{
		"a microsecond": {now, now.Add(time.Microsecond)},
		"a millisecond": {now, now.Add(time.Millisecond)},
		"a millisecond's last moment": {
			now.Truncate(time.Millisecond).Add(time.Millisecond - 1),
			now.Truncate(time.Millisecond).Add(time.Millisecond),
		},
		"a carry over a hex digit":   {time.UnixMilli(0x0197ffffffff), time.UnixMilli(0x019800000000)},
		"9 before a":                 {time.UnixMilli(0x019900000009), time.UnixMilli(0x01990000000a)},
		"a year":                     {now, now.AddDate(1, 0, 0)},
		"a zone that reads earlier":  {now, now.Add(time.Second).In(time.FixedZone("", -12*60*60))},
		"the first and the last one": {time.UnixMilli(0), lastMilli},
	} {
		// The digits after the time are random, so that one pair could be in order by chance.
		for range 100 {
			earlier, later := trust.NewSID("BU", pair[0]), trust.NewSID("BU", pair[1])
			if earlier >= later {
				t.Fatalf("%s: %s does not sort before %s", name, earlier, later)
			}
		}
	}
}

func TestNewSIDUnique(t *testing.T) {
	const many = 100_000
	seen := make(map[string]bool, many)
	for range many {
		sid := trust.NewSID("BU", now)
		if seen[sid] {
			t.Fatalf("%s was made twice in one millisecond", sid)
		}
		seen[sid] = true
	}
}

func TestNewAuthToken(t *testing.T) {
	first, second := trust.NewAuthToken(), trust.NewAuthToken()
	if first == second {
		t.Errorf("%s was made twice", first)
	}
	if len(first) != 32 || !trust.ValidAuthToken(first) {
		t.Errorf("%q is not 32 letters and digits", first)
	}
}

func TestValidAccountSID(t *testing.T) {
	hex := strings.Repeat("0aF9", 8)
	for s, want := range map[string]bool{
		"AC" + hex:                true,
		"":                        false,
		"AC":                      false,
		hex:                       false,
		"ac" + hex:                false,
		"SK" + hex:                false,
		"AC" + hex[1:]:            false,
		"AC" + hex + "0":          false,
		"AC" + hex[1:] + "g":      false,
		"AC" + hex[1:] + "٣":      false, // a digit, but not of ours
		"AC" + hex + "\n":         false,
		"\nAC" + hex:              false,
		" AC" + hex:               false,
		"AC" + hex + "\nAC" + hex: false,
	} {
		if got := trust.ValidAccountSID(s); got != want {
			t.Errorf("ValidAccountSID(%q) = %t, want %t", s, got, want)
		}
		swapped := strings.NewReplacer("AC", "SK", "SK", "AC").Replace(s)
		if got := trust.ValidAPIKeySID(swapped); got != want {
			t.Errorf("ValidAPIKeySID(%q) = %t, want %t", swapped, got, want)
		}
	}
}

func TestValidAuthToken(t *testing.T) {
	for s, want := range map[string]bool{
		"x":                      true,
		"09azAZ":                 true,
		strings.Repeat("a", 128): true,
		strings.Repeat("a", 129): false,
		"":                       false,
		"with space":             false,
		"with-hyphen":            false,
		"with:colon":             false, // would end the user name in Basic authentication
		"ü":                      false,
		"\x00":                   false,
		"token\n":                false,
	} {
		if got := trust.ValidAuthToken(s); got != want {
			t.Errorf("ValidAuthToken(%q) = %t, want %t", s, got, want)
		}
	}
}
