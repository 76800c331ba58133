package hub

import (
	"context"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// maxAge is how long a cached credential is used, and so how soon a password that another process has ended is refused.
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

// authenticate returns the credential that has this user name and password, or store.ErrNotFound. It takes the same time whether
// the user name or the password is unknown.
//
// A password that the cache does not have is looked up, because another process may just have given the account a new token,
// which counts at once everywhere. So a wrong password costs a query, as an unknown user name does; package guessing limits
// them.
func (c *credentialCache) authenticate(ctx context.Context, username, password string) (store.Credential, error) {
	version, now := c.store.CredentialsVersion(), c.now()
	if cached := c.recent(username, version, now); cached.Accepts(password) {
		return cached, nil
	}
	if !trust.ValidAccountSID(username) && !trust.ValidAPIKeySID(username) { // Postgres fails at text that is not UTF-8
		return store.Credential{}, store.ErrNotFound
	}
	credential, err := c.store.Credential(ctx, username)
	c.put(username, cachedCredential{credential, version, now}, err)
	if !credential.Accepts(password) && err == nil {
		err = store.ErrNotFound
	}
	return credential, err
}

// recent returns the cached credential with this user name if it is not too old, and otherwise one that accepts no password.
func (c *credentialCache) recent(username string, version int64, now time.Time) store.Credential {
	c.mu.RLock()
	defer c.mu.RUnlock()
	cached := c.cached[username]
	if cached.version != version || now.Sub(cached.read).Abs() >= maxAge {
		return store.Credential{}
	}
	return cached.credential
}

// put stores what was read, unless the credential does not exist.
func (c *credentialCache) put(username string, read cachedCredential, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		delete(c.cached, username)
		return
	}
	c.cached[username] = read
}
