package requestlog

import (
	"context"
	"errors"
	"slices"
)

// ErrTooManyFollowers is returned by Follow when as many as are allowed follow already.
var ErrTooManyFollowers = errors.New("too many follow the requests already")

// Follower waits for requests. Close it after its last use.
type Follower struct {
	log     *Log
	filter  Filter
	waiting queue         // guarded by log.mu, like missed
	missed  int           // since the last Next
	gap     bool          // whether requests were forgotten before it followed
	wake    chan struct{} // has one element when there may be something in waiting
}

// Follow returns a follower of the requests that match the filter and have a Sequence above after: first those that the log
// has, then those to come. To go on after a break, pass the Sequence of the last request that was read. A negative after
// means only those to come, 0 all that the log has.
func (l *Log) Follow(filter Filter, after int64) (*Follower, error) {
	f := &Follower{log: l, filter: filter, wake: make(chan struct{}, 1)}
	earlier, forgotten, err := l.register(f)
	if err != nil {
		return nil, err
	}
	if after < 0 {
		return f, nil
	}
	f.gap = after > 0 && after < forgotten
	var matching []*Entry
	for _, entries := range earlier {
		for _, entry := range entries {
			if entry.Sequence > after && filter.matches(entry) {
				matching = append(matching, entry)
			}
		}
	}
	slices.SortFunc(matching, bySequence)
	f.prepend(matching)
	return f, nil
}

// HasGap reports whether the log had forgotten requests after the one that the follower begins after, which may have matched.
func (f *Follower) HasGap() bool { return f.gap }

// register has a follower offered all requests from now on, and returns those before, and the last one that was forgotten.
func (l *Log) register(f *Follower) (earlier [][]*Entry, forgotten int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.followers) >= l.limits.followers {
		return nil, 0, ErrTooManyFollowers
	}
	l.followers[f] = struct{}{}
	return l.candidates(f.filter), l.forgotten, nil
}

// prepend puts requests in front of those that wait.
func (f *Follower) prepend(earlier []*Entry) {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	all := slices.Concat(earlier, f.waiting.entries)
	f.waiting = queue{}
	for _, entry := range all {
		f.push(entry)
	}
}

// Next returns the next request, waiting for it until ctx ends. missed is how many requests before it were dropped because Next
// was not called soon enough. It must not be called concurrently.
func (f *Follower) Next(ctx context.Context) (entry *Entry, missed int, err error) {
	for {
		if entry, missed := f.take(); entry != nil {
			return entry, missed, nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// take returns the oldest request that waits, or nil.
func (f *Follower) take() (entry *Entry, missed int) {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if len(f.waiting.entries) == 0 {
		return nil, 0
	}
	missed, f.missed = f.missed, 0
	return f.waiting.pop(), missed
}

// Close lets another follow in its place.
func (f *Follower) Close() {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	delete(f.log.followers, f)
}

// offer is called with the lock held.
func (f *Follower) offer(entry *Entry) {
	if !f.filter.matches(entry) {
		return
	}
	f.push(entry)
	select {
	case f.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (f *Follower) push(entry *Entry) {
	dropped, _ := f.waiting.push(entry, f.log.limits.requests, f.log.limits.accountBytes)
	f.missed += dropped
}
