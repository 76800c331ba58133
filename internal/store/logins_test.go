package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestLogins follows a login from its code to the end of the session.
func TestLogins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, codeEnd, sessionEnd := t.Context(), at.Add(time.Minute), at.Add(time.Hour)
		check(t, s.AddLoginCode(ctx, "code", at, codeEnd))
		for name, err := range map[string]error{
			"an unknown code":            s.StartSession(ctx, "other", "session", at, sessionEnd),
			"an expired code":            s.StartSession(ctx, "code", "session", codeEnd, sessionEnd),
			"a session not yet started":  s.FindSession(ctx, "session", at),
			"a code taken for a session": s.FindSession(ctx, "code", at),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
		check(t, s.StartSession(ctx, "code", "session", at, sessionEnd))
		check(t, s.FindSession(ctx, "session", at))
		for name, err := range map[string]error{
			"a used code":                s.StartSession(ctx, "code", "second", at, sessionEnd),
			"a session taken for a code": s.StartSession(ctx, "session", "second", at, sessionEnd),
			"an expired session":         s.FindSession(ctx, "session", sessionEnd),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
		check(t, s.EndSession(ctx, "session"))
		check(t, s.EndSession(ctx, "session"))
		if err := s.FindSession(ctx, "session", at); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an ended session: %v, want ErrNotFound", err)
		}
	})
}

// TestLoginCodeOnce uses one code many times at once.
func TestLoginCodeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		check(t, s.AddLoginCode(t.Context(), "code", at, at.Add(time.Minute)))
		results := make([]error, 8)
		var group sync.WaitGroup
		for i := range results {
			group.Go(func() {
				results[i] = s.StartSession(t.Context(), "code", fmt.Sprint("session", i), at, at.Add(time.Hour))
			})
		}
		group.Wait()
		started := 0
		for _, err := range results {
			switch {
			case err == nil:
				started++
			case !errors.Is(err, store.ErrNotFound):
				t.Error(err)
			}
		}
		if started != 1 {
			t.Errorf("the code started %d sessions", started)
		}
	})
}

// TestExpiredLogins: a new code deletes what has expired, and nothing else.
func TestExpiredLogins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		check(t, s.AddLoginCode(ctx, "expired", at, at.Add(time.Minute)))
		check(t, s.AddLoginCode(ctx, "valid", at, at.Add(time.Hour)))
		check(t, s.AddLoginCode(ctx, "new", at.Add(time.Minute), at.Add(time.Hour)))
		tables, err := s.Dump(ctx)
		check(t, err)
		if rows := tables["console_logins"]; len(rows) != 2 {
			t.Errorf("stored are %v, want the valid and the new code", rows)
		}
	})
}
