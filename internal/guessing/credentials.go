package guessing

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/opentrusthub/trusthub/internal/store"
)

const (
	minAge      = time.Second      // of a copy before it is replaced
	loadShare   = 10               // a copy is used for at least this many times as long as it took to make
	loadTimeout = 10 * time.Second // for making one
	patience    = time.Second      // for a new copy if there is an old one
)

// credentials is a copy of all credentials. It has the changes of this process at once, and those of another one after a second,
// or later if there are very many accounts.
type credentials struct {
	load    func(context.Context) ([]store.Credential, error)
	version func() int64 // of the credentials; this process's changes raise it
	now     func() time.Time

	current atomic.Pointer[snapshot]
	loading singleflight.Group
}

// snapshot is a copy.
type snapshot struct {
	known   map[string]store.Credential // by user name
	err     error                       // if there is no copy yet
	version int64
	until   time.Time // when to replace it
}

// right reports whether these are the credentials of an account.
func (c *credentials) right(ctx context.Context, username, password string) (bool, error) {
	if s := c.current.Load(); s != nil && s.right(username, password) {
		return true, nil // as far as the copy knows: the caller checks again
	}
	s, err := c.fresh(ctx)
	if err != nil {
		return false, err
	}
	return s.right(username, password), s.err
}

func (s *snapshot) right(username, password string) bool { return s.known[username].Accepts(password) }

// fresh returns a copy that is not too old. All callers wait for the same query, but not for long if there is an old copy.
func (c *credentials) fresh(ctx context.Context) (*snapshot, error) {
	old := c.current.Load()
	if c.isFresh(old) {
		return old, nil
	}
	var late <-chan time.Time
	if old != nil {
		late = time.After(patience)
	}
	query := context.WithoutCancel(ctx) // all waiting callers share it
	loaded := c.loading.DoChan("", func() (any, error) {
		if s := c.current.Load(); c.isFresh(s) { // another query has just ended
			return s, nil
		}
		s := c.read(query)
		c.current.Store(s)
		return s, nil
	})
	select {
	case result := <-loaded:
		return result.Val.(*snapshot), nil
	case <-late:
		return old, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *credentials) isFresh(s *snapshot) bool {
	return s != nil && s.version == c.version() && c.now().Before(s.until)
}

// read makes a copy. If the database fails, it keeps the last one.
func (c *credentials) read(ctx context.Context) *snapshot {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	s, start := &snapshot{version: c.version()}, c.now()
	all, err := c.load(ctx)
	end := c.now()
	if err != nil {
		s.until = end.Add(minAge)
		if last := c.current.Load(); last != nil && last.known != nil {
			s.known = last.known
		} else {
			s.err = err
		}
		return s
	}
	s.until = end.Add(max(minAge, loadShare*end.Sub(start)))
	s.known = make(map[string]store.Credential, len(all))
	for _, credential := range all {
		s.known[credential.Username] = credential
	}
	return s
}
