package guessing

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

const (
	maxFailures = 10          // in a window
	window      = time.Minute // that failures count for
	maxNetworks = 10_000      // that are remembered; some 4 MB
)

// failures remembers the latest failures of each network.
type failures struct {
	mu     sync.Mutex
	of     map[netip.Prefix]*list.Element
	latest list.List // of *failed, the latest failure last
}

// failed has the latest failures of one network.
type failed struct {
	network netip.Prefix
	at      [maxFailures]time.Time // a ring
	oldest  int                    // its index in at; a zero Time there means fewer failures
}

func newFailures() *failures { return &failures{of: map[netip.Prefix]*list.Element{}} }

// wait returns for how long failures of the network are refused, or 0 if they are not.
func (f *failures) wait(network netip.Prefix, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	element := f.of[network]
	if element == nil {
		return 0
	}
	return element.Value.(*failed).wait(now)
}

func (e *failed) wait(now time.Time) time.Duration {
	oldest := e.at[e.oldest]
	if oldest.IsZero() {
		return 0
	}
	return max(oldest.Add(window).Sub(now), 0)
}

// add counts a failure, or returns for how long failures of the network are refused. last reports whether this
// was the last one allowed.
func (f *failures) add(network netip.Prefix, now time.Time) (wait time.Duration, last bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	element := f.of[network]
	if element == nil {
		if f.latest.Len() == maxNetworks {
			forgotten := f.latest.Remove(f.latest.Front()).(*failed)
			delete(f.of, forgotten.network)
		}
		element = f.latest.PushBack(&failed{network: network})
		f.of[network] = element
	}
	entry := element.Value.(*failed)
	if wait = entry.wait(now); wait > 0 {
		return wait, false
	}
	f.latest.MoveToBack(element)
	entry.at[entry.oldest] = now
	entry.oldest = (entry.oldest + 1) % maxFailures
	return 0, entry.wait(now) > 0
}
