package jobs

import (
	"cmp"
	"slices"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	maxCalling  = 512  // concurrent callbacks of this process
	maxMailing  = 64   // e-mails
	perEndpoint = 64   // of one account, to one endpoint; accounts do not share these, so that none can use another's
	perQuick    = 128  // to one that accepted the last one within quickTime, while the account has room for others
	perSilent   = 4    // to one that did not respond the last time
	maxNoted    = 4096 // quick endpoints to remember, and silent ones

	quickTime = 100 * time.Millisecond
)

// slots limits the notices that this process sends concurrently on one channel. An account may use another place while it uses
// fewer than are free. So a single account gets half of the places, two get a third each, and there is always a place for the
// next one. One endpoint gets at most perEndpoint of an account's places, more if it is quick and fewer if it is silent.
type slots struct {
	places    int
	inUse     int
	byAccount map[string]int
	byQueue   map[store.Queue]int
	quick     notedQueues // whose endpoint accepted the last one within quickTime
	silent    notedQueues // whose endpoint did not respond the last time
	hourly    hourly
}

// notedQueues is a set of at most maxNoted queues. If there are more, it forgets some.
type notedQueues map[store.Queue]bool

func (n notedQueues) add(q store.Queue) {
	for other := range n {
		if len(n) < maxNoted {
			break
		}
		delete(n, other)
	}
	n[q] = true
}

func newSlots(places, perHour int) *slots {
	return &slots{
		places: places, byAccount: map[string]int{}, byQueue: map[store.Queue]int{}, quick: notedQueues{}, silent: notedQueues{},
		hourly: hourly{limit: perHour, used: map[string]int{}},
	}
}

// accountRoom returns how many more notices of the account may be sent now.
func (s *slots) accountRoom(accountSID string, now time.Time) int {
	free, held := s.places-s.inUse, s.byAccount[accountSID]
	return max(0, min((free-held+1)/2, s.hourly.left(accountSID, now)))
}

// queueRoom returns how many more notices the queue's endpoint may get now, if its account may send so many more.
func (s *slots) queueRoom(q store.Queue, accountRoom int) int {
	limit := perEndpoint
	switch {
	case s.silent[q]:
		limit = perSilent
	case s.quick[q] && accountRoom > perEndpoint:
		limit = perQuick
	}
	return limit - s.byQueue[q]
}

// choose shares the free places among the queues: in turns by account, and within an account in turns by queue.
func (s *slots) choose(due []store.Grant, now time.Time) []store.Grant {
	waiting := map[string][]store.Grant{}
	for _, g := range due {
		waiting[g.Queue.AccountSID] = append(waiting[g.Queue.AccountSID], g)
	}
	var accounts []string
	// Accounts that use fewer places come first, and so do an account's queues.
	for account, queues := range waiting {
		accounts = append(accounts, account)
		slices.SortStableFunc(queues, func(a, b store.Grant) int { return s.byQueue[a.Queue] - s.byQueue[b.Queue] })
	}
	slices.SortFunc(accounts, func(a, b string) int { return cmp.Or(s.byAccount[a]-s.byAccount[b], cmp.Compare(a, b)) })

	granted := map[store.Queue]int{}
	for len(accounts) > 0 {
		accounts = slices.DeleteFunc(accounts, func(account string) bool {
			var q store.Queue
			q, waiting[account] = s.grant(waiting[account], now)
			if q == (store.Queue{}) {
				return true
			}
			granted[q]++
			return false
		})
	}
	var grants []store.Grant
	for q, count := range granted {
		grants = append(grants, store.Grant{Queue: q, Limit: count})
		for range count { // send acquires it when the notice is leased
			s.release(q)
			s.hourly.used[q.AccountSID]--
		}
	}
	slices.SortFunc(grants, func(a, b store.Grant) int {
		return cmp.Or(cmp.Compare(a.Queue.AccountSID, b.Queue.AccountSID), cmp.Compare(a.Queue.Endpoint, b.Queue.Endpoint))
	})
	return grants
}

// grant acquires a place for the first of an account's queues that may have one, and moves that queue behind the others. It
// returns an empty queue if none may.
func (s *slots) grant(queues []store.Grant, now time.Time) (store.Queue, []store.Grant) {
	if len(queues) == 0 {
		return store.Queue{}, nil
	}
	room := s.accountRoom(queues[0].Queue.AccountSID, now)
	if room == 0 {
		return store.Queue{}, nil
	}
	for i, g := range queues {
		if s.queueRoom(g.Queue, room) <= 0 {
			continue
		}
		s.acquire(g.Queue)
		rest := queues[i+1:]
		if g.Limit--; g.Limit > 0 {
			rest = append(rest, g)
		}
		return g.Queue, rest
	}
	return store.Queue{}, nil
}

func (s *slots) acquire(q store.Queue) {
	s.inUse++
	s.byAccount[q.AccountSID]++
	s.byQueue[q]++
	s.hourly.used[q.AccountSID]++
}

func (s *slots) release(q store.Queue) {
	s.inUse--
	if s.byAccount[q.AccountSID]--; s.byAccount[q.AccountSID] == 0 {
		delete(s.byAccount, q.AccountSID)
	}
	if s.byQueue[q]--; s.byQueue[q] == 0 {
		delete(s.byQueue, q)
	}
}

// note records how an endpoint has responded to an attempt, if it has.
func (s *slots) note(q store.Queue, a trust.Attempt) {
	delete(s.quick, q)
	delete(s.silent, q)
	switch {
	case !conclusive(a):
		s.silent.add(q)
	case a.Verdict == trust.Delivered && a.Duration <= quickTime:
		s.quick.add(q)
	}
}

// hourly limits what this process sends for each account in an hour.
type hourly struct {
	limit int // 0: unlimited
	since time.Time
	used  map[string]int
}

// left returns how many more the account may send.
func (h *hourly) left(accountSID string, now time.Time) int {
	if h.limit == 0 {
		return maxCalling
	}
	if now.Sub(h.since).Abs() >= time.Hour {
		h.since = now
		clear(h.used)
	}
	return h.limit - h.used[accountSID]
}
