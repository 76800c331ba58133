package hub

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/opentrusthub/trusthub/api"
)

// Limits of the pages that are read and sent at the same time, including those with a slow client.
const (
	maxPages        = 100
	maxAccountPages = 8
	slotWait        = 5 * time.Second
)

// slots limits the pages that are read and sent at the same time. Each account has a limit of its own, so that it cannot use all
// slots.
type slots struct {
	all *semaphore.Weighted

	mu       sync.Mutex
	accounts map[string]*accountSlots
}

// accountSlots are the slots of an account that uses or waits for one.
type accountSlots struct {
	slots *semaphore.Weighted
	users int
}

func newSlots() *slots {
	return &slots{all: semaphore.NewWeighted(maxPages), accounts: map[string]*accountSlots{}}
}

// acquire waits for a slot, and returns the function that releases it. After slotWait it returns an error with
// CodeTooManyRequests.
func (s *slots) acquire(ctx context.Context, accountSID string) (release func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, slotWait)
	defer cancel()
	account := s.join(accountSID)
	if err := account.slots.Acquire(waiting, 1); err != nil {
		s.quit(accountSID)
		return nil, tooManyLists(ctx)
	}
	if err := s.all.Acquire(waiting, 1); err != nil {
		account.slots.Release(1)
		s.quit(accountSID)
		return nil, tooManyLists(ctx)
	}
	return func() {
		s.all.Release(1)
		account.slots.Release(1)
		s.quit(accountSID)
	}, nil
}

func tooManyLists(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // the caller has disconnected
	}
	refused := api.NewError(api.CodeTooManyRequests, "Too many lists are being read at a time", nil)
	refused.RetryAfter = time.Second
	return refused
}

func (s *slots) join(accountSID string) *accountSlots {
	s.mu.Lock()
	defer s.mu.Unlock()
	account := s.accounts[accountSID]
	if account == nil {
		account = &accountSlots{slots: semaphore.NewWeighted(maxAccountPages)}
		s.accounts[accountSID] = account
	}
	account.users++
	return account
}

// quit removes an account that neither uses nor waits for a slot.
func (s *slots) quit(accountSID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if account := s.accounts[accountSID]; account.users == 1 {
		delete(s.accounts, accountSID)
	} else {
		account.users--
	}
}
