package guessing

import (
	"net/netip"
	"testing"
	"time"
)

func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

// TestManyAddresses fails from more addresses than are remembered. Those that have failed latest are.
func TestManyAddresses(t *testing.T) {
	f, now := newFailures(), start
	for i := range maxNetworks + 1000 {
		for range maxFailures {
			f.add(network(i), now)
		}
		f.add(network(0), now) // counts only while it may fail
		if i == maxNetworks/2 {
			now = now.Add(window)
			f.add(network(0), now) // so that it is not among the oldest
		}
	}
	if len(f.of) != maxNetworks || f.latest.Len() != maxNetworks {
		t.Errorf("%d and %d networks are remembered", len(f.of), f.latest.Len())
	}
	for i, want := range map[int]bool{1: false, 1000: false, maxNetworks + 999: true, maxNetworks / 2 * 2: true} {
		if wait := f.wait(network(i), now); (wait > 0) != want {
			t.Errorf("network %d waits %v", i, wait)
		}
	}
	if _, known := f.of[network(0)]; !known {
		t.Error("the network that fails all the time is forgotten")
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
