package guessing

import (
	"net/netip"
	"testing"
	"time"
)

func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

// TestManyAddresses fails from more addresses than are remembered. Forgotten is the one whose last failure is the oldest.
func TestManyAddresses(t *testing.T) {
	f := newFailures()
	for i := range maxNetworks {
		f.add(network(i), start)
	}
	f.add(network(0), start)
	f.add(network(maxNetworks), start)
	if len(f.of) != maxNetworks || f.latest.Len() != maxNetworks {
		t.Errorf("%d and %d networks are remembered", len(f.of), f.latest.Len())
	}
	for i, want := range map[int]bool{0: true, 1: false, 2: true, maxNetworks: true} {
		if f.of[network(i)] != nil != want {
			t.Errorf("network %d is remembered: %v", i, !want)
		}
	}
}

// TestSlidingWindow: what counts are the last ten failures, not those of a minute on the clock.
func TestSlidingWindow(t *testing.T) {
	f, now := newFailures(), start
	for i := range 100 { // one each 7 s: never ten within a minute
		if wait, last := f.add(network(1), now); wait > 0 || last {
			t.Fatalf("failure %d: wait %v, %v", i, wait, last)
		}
		now = now.Add(7 * time.Second)
	}
	refused := 0
	for range 100 { // one each 5 s
		if wait, _ := f.add(network(1), now); wait > 0 {
			refused++
		}
		now = now.Add(5 * time.Second)
	}
	if refused < 15 || refused > 18 { // 100 in 500 s, of which ten a minute are let through
		t.Errorf("%d were refused", refused)
	}
}
