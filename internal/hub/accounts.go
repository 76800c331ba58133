package hub

import (
	"context"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// maxAge is how long a cached account is used, and so how soon a change by another process takes effect.
const maxAge = time.Second

// accountCache saves a query for each request. Changes by this process take effect at once.
//
// It holds only accounts that exist, so requests cannot make it grow.
type accountCache struct {
	store  *store.Store
	now    func() time.Time
	mu     sync.RWMutex
	cached map[string]cachedAccount
}

type cachedAccount struct {
	account store.Account
	version int64 // of the accounts when it was read
	read    time.Time
}

func newAccountCache(s *store.Store, now func() time.Time) *accountCache {
	return &accountCache{store: s, now: now, cached: map[string]cachedAccount{}}
}

// account returns the account with this SID, or store.ErrNotFound.
func (c *accountCache) account(ctx context.Context, sid string) (store.Account, error) {
	version, now := c.store.AccountsVersion(), c.now()
	c.mu.RLock()
	cached, ok := c.cached[sid]
	c.mu.RUnlock()
	if ok && cached.version == version && now.Sub(cached.read).Abs() < maxAge {
		return cached.account, nil
	}
	if !trust.ValidAccountSID(sid) { // no such account, and Postgres fails at text that is not UTF-8
		return store.Account{}, store.ErrNotFound
	}
	account, err := c.store.Account(ctx, sid)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.cached, sid)
		return store.Account{}, err
	}
	c.cached[sid] = cachedAccount{account, version, now}
	return account, nil
}
