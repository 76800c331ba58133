package hub

import (
	"context"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// maxAge is how long a cached credential is used, and so how soon a change by another process takes effect.
const maxAge = time.Second

// credentialCache saves a query for each request. Changes by this process take effect at once.
//
// It holds only credentials that exist, so requests cannot make it grow.
type credentialCache struct {
	store  *store.Store
	now    func() time.Time
	mu     sync.RWMutex
	cached map[string]cachedCredential
}

type cachedCredential struct {
	credential store.Credential
	version    int64 // of the credentials when it was read
	read       time.Time
}

func newCredentialCache(s *store.Store, now func() time.Time) *credentialCache {
	return &credentialCache{store: s, now: now, cached: map[string]cachedCredential{}}
}

// credential returns the credential with this user name, or store.ErrNotFound.
func (c *credentialCache) credential(ctx context.Context, username string) (store.Credential, error) {
	version, now := c.store.CredentialsVersion(), c.now()
	c.mu.RLock()
	cached, ok := c.cached[username]
	c.mu.RUnlock()
	if ok && cached.version == version && now.Sub(cached.read).Abs() < maxAge {
		return cached.credential, nil
	}
	if !trust.ValidAccountSID(username) && !trust.ValidAPIKeySID(username) { // Postgres fails at text that is not UTF-8
		return store.Credential{}, store.ErrNotFound
	}
	credential, err := c.store.Credential(ctx, username)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.cached, username)
		return store.Credential{}, err
	}
	c.cached[username] = cachedCredential{credential, version, now}
	return credential, nil
}
