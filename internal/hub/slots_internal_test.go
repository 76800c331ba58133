package hub

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

// takeAll takes slots of an account until it has to wait for one.
func takeAll(t *testing.T, s *slots, account string, count int) (free []func()) {
	t.Helper()
	for range count {
		one, err := s.acquire(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		free = append(free, one)
	}
	return free
}

func wantTooMany(t *testing.T, s *slots, account string) {
	t.Helper()
	start := time.Now()
	_, err := s.acquire(t.Context(), account)
	refused, ok := errors.AsType[*api.Error](err)
	if waited := time.Since(start); !ok || refused.Code != api.CodeTooManyRequests || refused.RetryAfter <= 0 || waited != slotWait {
		t.Errorf("%s: error %v after %v, want too many requests after %v", account, err, waited, slotWait)
	}
}

func TestAccountWaitsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		free := takeAll(t, s, "slow", maxAccountPages)
		wantTooMany(t, s, "slow")
		start := time.Now()
		other := takeAll(t, s, "other", maxAccountPages)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("another account waited for %v", waited)
		}
		time.AfterFunc(time.Second, free[0])
		free[0] = takeAll(t, s, "slow", 1)[0]
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the slot that became free was taken after %v", waited)
		}
		for _, one := range append(free, other...) {
			one()
		}
		if len(s.accounts) != 0 {
			t.Errorf("%d accounts are kept", len(s.accounts))
		}
	})
}

func TestSlotsOfAllAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		var free []func()
		for i := range maxPages {
			free = append(free, takeAll(t, s, strconv.Itoa(i), 1)...)
		}
		wantTooMany(t, s, "late")
		free[0]()
		takeAll(t, s, "late", 1)
		wantTooMany(t, s, "late")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.acquire(ctx, "gone"); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has gone: %v", err)
		}
		if len(s.accounts) != maxPages { // the first has gone, and the late one has come
			t.Errorf("%d accounts are kept, want %d", len(s.accounts), maxPages)
		}
	})
}
