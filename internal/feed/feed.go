// Package feed tells readers in this process of the changes of bundles, whichever process on the database makes them. The streams
// of the operator API are built on it.
//
// # What it guarantees
//
//   - A follower that resumes after the last position that it got misses and repeats none, and is told how many events were
//     removed before it got there.
//   - The database is polled once for all followers, and not at all without any. A follower that is up to date causes no query.
//   - A follower that is slow delays nobody, and costs no memory.
//
// # What it does not do
//
// It knows what has a row in the history of a bundle: not the creation of bundles, nor deliveries and requests.
package feed

import (
	"context"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// Interval is how often the database is polled. A change is seen at most that much later.
const Interval = 200 * time.Millisecond

// partSize is how many events a follower gets at once at most.
const partSize = 100

// Feed has the followers of the changes in one database. It is safe for concurrent use.
type Feed struct {
	store *store.Store

	mu        sync.Mutex
	followers int
	poller    *poller // nil without followers
	stop      context.CancelFunc
}

// New returns a feed of an open store, without followers. Close all followers before the store.
func New(s *store.Store) *Feed { return &Feed{store: s} }

// FromNow is the position to follow from what will change.
const FromNow = -1

// Unknown is the Missed of a Part that does not say how many.
const Unknown = -1

// Part is what follows in the changes.
type Part struct {
	Missed   int64         // how many events before these were removed; Unknown if the database had later positions once
	Events   []trust.Event // shared by all followers: they must not be changed
	Position int64         // to resume after this part; that of the last event if there is one
}

// Follower reads changes in the order of their positions. Close it after its last use.
type Follower struct {
	feed     *Feed
	poller   *poller
	position int64 // of the last event that was read
	lost     bool  // whether what was read before is of another database
}

// Follow returns a follower of the changes after a position, which came from this feed or another one of the same database; 0
// means from the oldest that there is, FromNow those that are committed after the call.
func (f *Feed) Follow(ctx context.Context, after int64) (*Follower, error) {
	fo := &Follower{feed: f, poller: f.acquire(), position: after}
	latest, err := f.store.LatestPosition(ctx)
	if err != nil {
		fo.Close()
		return nil, err
	}
	if after < 0 || after > latest {
		fo.position, fo.lost = latest, after > latest
	}
	return fo, nil
}

// acquire returns the poller, which it starts for the first follower.
func (f *Feed) acquire() *poller {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers++; f.followers == 1 {
		f.poller = &poller{store: f.store, changed: make(chan struct{})}
		var ctx context.Context
		ctx, f.stop = context.WithCancel(context.Background())
		go f.poller.run(ctx)
	}
	return f.poller
}

// Close ends the follower.
func (fo *Follower) Close() {
	f := fo.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers--; f.followers == 0 {
		f.stop()
		f.poller = nil
	}
}

// Next returns what follows, waiting for it until ctx ends. It must not be called concurrently. After an error it can be called
// again.
func (fo *Follower) Next(ctx context.Context) (Part, error) {
	if fo.lost {
		fo.lost = false
		return Part{Missed: Unknown, Position: fo.position}, nil
	}
	for {
		found, err := fo.poller.after(ctx, fo.position)
		if err != nil {
			return Part{}, err
		}
		if part := found.part(fo.position); part.Position > fo.position {
			fo.position = part.Position
			return part, nil
		}
		select {
		case <-found.changed:
		case <-ctx.Done():
			return Part{}, ctx.Err()
		}
	}
}

// found is what there is after a position.
type found struct {
	events  []trust.Event
	head    int64 // events up to this position that are not among events, nor after them, were removed
	changed <-chan struct{}
}

// part returns what follows a position: the events up to the next gap.
func (f found) part(position int64) Part {
	if len(f.events) == 0 {
		return Part{Missed: max(f.head-position, 0), Position: max(f.head, position)}
	}
	first := f.events[0].Position
	count := 1
	for count < len(f.events) && f.events[count].Position == first+int64(count) {
		count++
	}
	return Part{Missed: first - position - 1, Events: f.events[:count], Position: first + int64(count) - 1}
}
