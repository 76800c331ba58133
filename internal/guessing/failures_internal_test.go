package guessing

import (
	"net/netip"
	"testing"
	"time"
)

func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

// TestManyAddresses fails from more addresses than are remembered. The one with the oldest last failure must be forgotten.
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

// TestSlidingWindow: the last ten failures count, not those in a minute of the clock.
func TestSlidingWindow(t *testing.T) {
	f, now := newFailures(), start
	for i := range 100 { // one every 7 s: never ten within a minute
		if wait, last := f.add(network(1), now); wait > 0 || last {
			t.Fatalf("failure %d: wait %v, %v", i, wait, last)
		}
		now = now.Add(7 * time.Second)
	}
	refused := 0
	for range 100 { // one every 5 s
		if wait, _ := f.add(network(1), now); wait > 0 {
			refused++
		}
		now = now.Add(5 * time.Second)
	}
	if refused < 15 || refused > 18 { // of 100 in 500 s, ten a minute are not refused
		t.Errorf("%d were refused", refused)
	}
}
