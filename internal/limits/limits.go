// Package limits limits how many requests each account has at a time, and how often it calls.
//
// # What it guarantees
//
//   - A request above a limit gets 429 with code 20429 and Retry-After. It takes nothing away from those that are admitted.
//   - An account that is refused delays no other account.
//   - The memory grows with the number of accounts that have called lately, not with their requests. An account that does not
//     call any more is forgotten.
//
// # What it does not do
//
// It counts the requests of this process only: with several servers, an account can have the limits on each. It does not
// authenticate: it is told whose request it is.
package limits

import (
	"cmp"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/opentrusthub/trusthub/api"
)

// Config has the limits of each account. 0 means no limit.
type Config struct {
	Concurrent int // requests at a time
	PerSecond  int // requests a second, on average; as many may come at once
}

// IsZero reports whether nothing is limited.
func (c Config) IsZero() bool { return c == Config{} }

// firstSweep is the number of accounts from which on those that do not call any more are looked for.
const firstSweep = 1024

// Limiter counts the requests of one server. It is safe for concurrent use.
type Limiter struct {
	config Config
	now    func() time.Time

	mu       sync.Mutex
	accounts map[string]*account
	sweepAt  int // the number of accounts at which forget runs
}

// account is what is known of an account. It is like a new one if no request runs and its tokens are complete again.
type account struct {
	running int
	tokens  *rate.Limiter
}

// New returns a limiter that goes by the clock now.
func New(config Config, now func() time.Time) *Limiter {
	return &Limiter{config: config, now: now, accounts: map[string]*account{}, sweepAt: firstSweep}
}

// Admit is an api.Config.Admit: it returns an error for a request that exceeds a limit of its account.
func (l *Limiter) Admit(accountSID string) (running int, release func(), err error) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(accountSID, now)
	if l.config.Concurrent > 0 && a.running >= l.config.Concurrent {
		return a.running, nil, tooMany("Too many concurrent requests of the account", time.Second)
	}
	if !a.tokens.AllowN(now, 1) {
		wait := (1 - a.tokens.TokensAt(now)) / float64(a.tokens.Limit()) * float64(time.Second)
		return a.running, nil, tooMany("Too many requests of the account in a second", time.Duration(wait))
	}
	a.running++
	return a.running, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		a.running--
	}, nil
}

func tooMany(message string, wait time.Duration) error {
	refused := api.NewError(api.CodeTooManyRequests, message, nil)
	refused.RetryAfter = wait
	return refused
}

// account returns the account, which is new if it is not known. It forgets others when there are many: twice as many as were left
// the last time, so that each call pays for about one of them.
func (l *Limiter) account(sid string, now time.Time) *account {
	if a := l.accounts[sid]; a != nil {
		return a
	}
	if len(l.accounts) >= l.sweepAt {
		l.forget(now)
		l.sweepAt = max(firstSweep, 2*len(l.accounts))
	}
	perSecond := rate.Inf
	if l.config.PerSecond > 0 {
		perSecond = rate.Limit(l.config.PerSecond)
	}
	a := &account{tokens: rate.NewLimiter(perSecond, cmp.Or(l.config.PerSecond, math.MaxInt))}
	l.accounts[sid] = a
	return a
}

// forget removes the accounts that are like new ones.
func (l *Limiter) forget(now time.Time) {
	for sid, a := range l.accounts {
		if a.running == 0 && (l.config.PerSecond == 0 || a.tokens.TokensAt(now) >= float64(a.tokens.Burst())) {
			delete(l.accounts, sid)
		}
	}
}
