package feed

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	keptEvents = 1000 // for followers that are a little behind
	readAtOnce = 1000
)

// poller reads the changes from the database for all followers.
type poller struct {
	store *store.Store

	mu         sync.Mutex
	ready      bool          // whether it has read once
	from, head int64         // the positions that latest is about: after from, up to head
	latest     []trust.Event // all of them, without a gap
	changed    chan struct{} // closed when head has risen
}

// run polls until ctx ends. An error of the database passes or is the followers', too.
func (p *poller) run(ctx context.Context) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		_ = p.poll(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// poll reads all that there is.
func (p *poller) poll(ctx context.Context) error {
	for {
		last, err := p.store.LatestPosition(ctx)
		if err != nil {
			return err
		}
		if !p.ready { // only poll writes it
			p.publish(last, nil)
			return nil
		}
		if last <= p.head {
			return nil
		}
		events, err := p.store.EventsAfter(ctx, p.head, readAtOnce)
		if err != nil {
			return err
		}
		if len(events) == readAtOnce {
			last = 0 // there may be others up to it
		}
		if len(events) > 0 {
			last = max(last, events[len(events)-1].Position)
		}
		p.publish(last, events)
	}
}

// publish appends events and wakes the followers.
func (p *poller) publish(head int64, events []trust.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready {
		p.ready, p.from = true, head
	}
	for _, e := range events {
		p.append(e)
	}
	if last := p.from + int64(len(p.latest)); last != head {
		p.from, p.latest = head, nil
	}
	p.head = head
	if surplus := len(p.latest) - keptEvents; surplus >= keptEvents {
		p.from = p.latest[surplus-1].Position
		p.latest = slices.Clone(p.latest[surplus:]) // followers may still read the others
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// append adds the next event. If others in front of it were removed, those in memory may have been, too: of those before it, only
// the database knows.
func (p *poller) append(e trust.Event) {
	if e.Position != p.from+int64(len(p.latest))+1 {
		p.from, p.latest = e.Position-1, nil
	}
	p.latest = append(p.latest, e)
}

// after returns up to partSize events after a position, from memory or else from the database.
func (p *poller) after(ctx context.Context, position int64) (found, error) {
	p.mu.Lock()
	f := found{head: p.head, changed: p.changed}
	if p.ready && position >= p.from {
		first := min(int(position-p.from), len(p.latest))
		f.events = p.latest[first:min(first+partSize, len(p.latest))]
		p.mu.Unlock()
		return f, nil
	}
	p.mu.Unlock()
	var err error
	f.events, err = p.store.EventsAfter(ctx, position, partSize)
	return f, err
}
