package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

// Quotas limit what one account may have. 0 means no limit.
type Quotas struct {
	Objects     int // of each kind: Trust Products, Customer Profiles, end users, supporting documents, channel endpoints
	OpenNotices int // callbacks and e-mails that are still to be sent
}

const (
	// fastest is more than a database stores in a second, for all accounts and servers together.
	fastest = 100_000
	// step is the part of a limit, one in so many, that a server adds before it counts again.
	step = 1000

	countTimeout  = 10 * time.Second
	recountPause  = time.Second     // between two counts of an account that is refused
	recountFactor = 20              // and as many times as long as the last count took
	noticesRetry  = 5 * time.Second // for an account with too many open notices
)

func tooMany(limit int, name string) *api.Error {
	return api.NewError(api.CodeInvalidParameter,
		fmt.Sprintf("The account has reached its limit of %d %s; delete some first", limit, name), nil)
}

func tooManyNotices(limit int) *api.Error {
	refusal := api.NewError(api.CodeTooManyRequests, fmt.Sprintf(
		"The account has reached its limit of %d callbacks and e-mails to be sent; try again when some have been", limit), nil)
	refusal.RetryAfter = noticesRetry
	return refusal
}

// quota limits the rows of one kind that an account has. For an account far from its limit, no request waits for the database: a
// count is trusted for as long as no database could have filled the remaining room, and after that the server adds up to a
// thousandth of the limit while it counts again. Near the limit a request waits for a count.
//
// So each server, and each start of one, may exceed the limit by two thousandths of it, and by what is being stored or removed
// at that moment.
type quota struct {
	limit   int // 0: none
	refusal *api.Error
	count   counter
	now     func() time.Time

	mu       sync.Mutex
	accounts map[string]*usage // of those that have added something; operators alone make accounts
}

// usage is the state of an account's count.
type usage struct {
	counted   int           // by the last count
	added     int           // since then, as far as that may not have seen it
	inFlight  int           // of added: not known to be stored yet
	unchecked int           // of added: after the end of believed
	began     time.Time     // when the last count did
	believed  time.Time     // until when nobody can have filled the room that it found
	pause     time.Duration // from began to the next count, if the last found as many as may be
	counting  *counting     // nil if none is running
}

// counting is a running count.
type counting struct {
	began time.Time
	added int // what it may not see
	done  chan struct{}
	err   error // set before done is closed
}

// counter counts an account's rows, up to the limit.
type counter func(ctx context.Context, accountSID string, limit int) (int, error)

func newQuota(limit int, refusal *api.Error, count counter, now func() time.Time) *quota {
	return &quota{limit: limit, refusal: refusal, count: count, now: now, accounts: map[string]*usage{}}
}

// reserve reserves room for n rows of the account. It returns the refusal if the account has no room, or the error of the count.
// After it has succeeded, the caller must call settle.
func (q *quota) reserve(ctx context.Context, accountSID string, n int) error {
	if q.limit == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.accounts[accountSID]
	if u == nil {
		u = &usage{}
		q.accounts[accountSID] = u
	}
	for waits := 0; ; waits++ {
		now := q.now()
		full := u.counted+u.added >= q.limit
		switch {
		case full && u.counted >= q.limit && (waits > 0 || now.Sub(u.began).Abs() < u.pause):
			return q.refusal
		case full && waits > 1: // the first count may have been under way, and rows in flight then are in it twice
			return q.refusal
		case full:
		case waits > 0 || now.Before(u.believed):
			u.add(n)
			return nil
		case u.unchecked+n <= q.limit/step:
			u.unchecked += n
			u.add(n)
			if 2*u.unchecked > q.limit/step {
				q.beginCount(ctx, accountSID, u)
			}
			return nil
		}
		err := q.wait(ctx, q.beginCount(ctx, accountSID, u))
		if err != nil && (full || ctx.Err() != nil) { // otherwise the last count is still used
			return err
		}
	}
}

func (u *usage) add(n int) {
	u.added += n
	u.inFlight += n
	if u.counting != nil {
		u.counting.added += n
	}
}

// settle ends the reservation of n rows, which were stored or have failed. The next count corrects the number.
func (q *quota) settle(accountSID string, n int) {
	if q.limit == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.accounts[accountSID].inFlight -= n
}

// release is called after one of the account's rows was deleted. A concurrent count may or may not have seen the row.
func (q *quota) release(accountSID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u := q.accounts[accountSID]; u != nil {
		u.added--
	}
}

// wait waits for the end of the count or of ctx.
func (q *quota) wait(ctx context.Context, c *counting) error {
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginCount starts a count of the account's rows in the background, or returns the running one.
func (q *quota) beginCount(ctx context.Context, accountSID string, u *usage) *counting {
	if u.counting != nil {
		return u.counting
	}
	c := &counting{began: q.now(), added: u.inFlight, done: make(chan struct{})}
	u.counting = c
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTimeout) // others may wait for it, too
	go func() {
		defer cancel()
		counted, err := q.count(ctx, accountSID, q.limit)
		q.mu.Lock()
		defer q.mu.Unlock()
		u.counting, u.unchecked = nil, 0
		if c.err = err; err == nil {
			u.counted, u.added, u.began = counted, c.added, c.began
			u.believed = c.began.Add(time.Duration(max(q.limit-counted-c.added, 0)) * time.Second / fastest)
			u.pause = max(recountPause, recountFactor*q.now().Sub(c.began))
		}
		close(c.done)
	}()
	return c
}
