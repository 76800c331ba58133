// Package requestlog keeps the latest requests of each account in memory, for people who want to know what their program sent and
// why it was refused.
//
// # What it guarantees
//
//   - Requests are kept by account, so that a busy account pushes out none of another's. Requests without valid credentials are
//     kept apart from all accounts, whichever account they claim to be.
//   - The memory is bounded: a number of requests and 2 MB for each account, 64 MB in total, and 2 MB for each of at most 16
//     followers. Beyond the total, the account whose latest request is the oldest is forgotten.
//   - Of parameters, those that the contract declares are kept, each shortened to 1 KiB. User names and passwords in URLs are
//     removed. Headers are not kept, with the exception of the idempotency key.
//   - A request waits for nobody who reads: a follower that is too slow misses requests, and is told how many.
//
// # What it does not do
//
// It survives no restart, and knows only the requests that this server got. It keeps no response but an error's code and
// message, and no successful request outside of the contract, such as a probe's.
package requestlog

import (
	"cmp"
	"container/list"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

const (
	maxAccountBytes = 2 << 20
	maxBytes        = 64 << 20
	maxFollowers    = 16
)

// limits bound what a Log keeps.
type limits struct {
	requests     int // of each account
	accountBytes int // of each account; more than one entry takes
	bytes        int // of all accounts; at least accountBytes
	followers    int
}

// Log keeps requests. It is safe for concurrent use.
type Log struct {
	limits limits
	now    func() time.Time

	mu         sync.Mutex
	sequence   int64 // of the latest request
	forgotten  int64 // the highest sequence of a request that was kept once, also by an earlier process
	bytes      int   // of all queues, but not of the followers'
	anonymous  queue // of requests without a known account
	accounts   map[string]*list.Element
	latestLast list.List // of *account
	followers  map[*Follower]struct{}
}

// account has the requests of one account.
type account struct {
	sid      string
	requests queue
}

// New returns a log that keeps the given number of requests of each account, at least 1.
func New(requests int, now func() time.Time) *Log {
	return newLog(limits{requests, maxAccountBytes, maxBytes, maxFollowers}, now)
}

func newLog(limits limits, now func() time.Time) *Log {
	start := now().UnixMicro() // so that numbers of an earlier process mean requests before those of this one
	return &Log{
		limits: limits, now: now, sequence: start, forgotten: start,
		accounts: map[string]*list.Element{}, followers: map[*Follower]struct{}{},
	}
}

// Observe is an api.Config.Observe.
func (l *Log) Observe(info api.RequestInfo) {
	if info.Operation == "" && info.Status < 400 {
		return
	}
	l.add(newEntry(info, l.now()))
}

// add keeps an entry, which gets its Sequence and must not change from now on.
func (l *Log) add(entry *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sequence++
	entry.Sequence = l.sequence
	requests := &l.anonymous
	if entry.AccountSID != "" {
		requests = l.touch(entry)
	}
	before := requests.bytes
	_, last := requests.push(entry, l.limits.requests, l.limits.accountBytes)
	l.forgotten = max(l.forgotten, last)
	l.bytes += requests.bytes - before
	for l.bytes > l.limits.bytes && l.latestLast.Len() > 0 {
		forgotten := l.latestLast.Remove(l.latestLast.Front()).(*account)
		delete(l.accounts, forgotten.sid)
		l.bytes -= forgotten.requests.bytes
		l.forgotten = max(l.forgotten, forgotten.requests.last())
	}
	for follower := range l.followers {
		follower.offer(entry)
	}
}

// Clear forgets all requests. Followers go on, with what they have not read yet and with the requests to come.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgotten = l.sequence
	l.bytes, l.anonymous = 0, queue{}
	clear(l.accounts)
	l.latestLast.Init()
}

// touch returns the requests of an entry's account, which becomes the last to be forgotten.
func (l *Log) touch(entry *Entry) *queue {
	element := l.accounts[entry.AccountSID]
	if element == nil {
		sid := strings.Clone(entry.AccountSID)
		element = l.latestLast.PushBack(&account{sid: sid})
		l.accounts[sid] = element
	}
	l.latestLast.MoveToBack(element)
	of := element.Value.(*account)
	entry.AccountSID = of.sid // one text for all entries
	return &of.requests
}

// Latest returns the Sequence of the latest request, or what is lower than that of the first.
func (l *Log) Latest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sequence
}

// List returns at most limit requests that match the filter, newest first. With before above 0, it returns only those with a
// lower Sequence, which is how to get the next page.
func (l *Log) List(filter Filter, before int64, limit int) []*Entry {
	l.mu.Lock()
	candidates := l.candidates(filter)
	l.mu.Unlock() // there may be many, and requests must not wait
	limit = max(limit, 0)
	var found []*Entry
	for _, entries := range candidates {
		enough := len(found) + limit // of these, whatever the others have
		for _, entry := range slices.Backward(entries) {
			if len(found) == enough {
				break
			}
			if (before <= 0 || entry.Sequence < before) && filter.matches(entry) {
				found = append(found, entry)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Entry) int { return bySequence(b, a) })
	return found[:min(len(found), limit)]
}

func bySequence(a, b *Entry) int { return cmp.Compare(a.Sequence, b.Sequence) }

// candidates returns the requests that can match a filter, by queue, the oldest first. It is called with the lock held.
func (l *Log) candidates(filter Filter) [][]*Entry {
	all := [][]*Entry{slices.Clone(l.anonymous.entries)} // they can claim to be of any account
	if filter.AccountSID != "" {
		if element := l.accounts[filter.AccountSID]; element != nil {
			all = append(all, slices.Clone(element.Value.(*account).requests.entries))
		}
		return all
	}
	for element := l.latestLast.Front(); element != nil; element = element.Next() {
		all = append(all, slices.Clone(element.Value.(*account).requests.entries))
	}
	return all
}

// queue has entries, the oldest first.
type queue struct {
	entries []*Entry
	bytes   int
}

// push appends an entry. It removes the oldest until the limits hold, and returns how many, and the sequence of the last of them.
func (q *queue) push(entry *Entry, maxEntries, maxBytes int) (removed int, last int64) {
	q.entries, q.bytes = append(q.entries, entry), q.bytes+entry.bytes
	for len(q.entries) > maxEntries || q.bytes > maxBytes {
		last = q.pop().Sequence
		removed++
	}
	return removed, last
}

// last returns the sequence of the newest entry, 0 without any.
func (q *queue) last() int64 {
	if len(q.entries) == 0 {
		return 0
	}
	return q.entries[len(q.entries)-1].Sequence
}

// pop removes the oldest entry, of which there must be one, and returns it.
func (q *queue) pop() *Entry {
	entry := q.entries[0]
	q.entries[0] = nil // the array may live on
	q.entries, q.bytes = q.entries[1:], q.bytes-entry.bytes
	return entry
}
