package guessing

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alice = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "alicesecret", Created: start}
)

const bobSID = "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// guesser is a limiter in front of the hub, with a manual clock. It counts calls of the hub and queries. All its requests are
// from one address, the unknown one.
type guesser struct {
	*Limiter
	t       *testing.T
	clock   time.Time
	asked   atomic.Int64 // the hub
	queries atomic.Int64
	log     strings.Builder
}

func newGuesser(t *testing.T, db *store.Store) *guesser {
	t.Helper()
	g := &guesser{t: t, clock: start}
	put(t, db, alice.SID, alice.AuthToken)
	now := func() time.Time { return g.clock }
	h := hub.New(db, trust.Policy{}, hub.Quotas{}, now)
	g.Limiter = New(db, func(ctx context.Context, username, password string) (string, error) {
		g.asked.Add(1)
		return h.Authenticate(ctx, username, password)
	}, now, slog.New(slog.NewTextHandler(&g.log, nil)))
	g.credentials.load = func(ctx context.Context) ([]store.Credential, error) {
		g.queries.Add(1)
		return db.Credentials(ctx)
	}
	return g
}

func put(t *testing.T, db *store.Store, sid, token string) {
	t.Helper()
	if err := db.PutAccount(t.Context(), store.Account{SID: sid, AuthToken: token, Created: start}); err != nil {
		t.Fatal(err)
	}
}

func (g *guesser) expectRight(username, password string) {
	g.t.Helper()
	if account, err := g.Authenticate(g.t.Context(), username, password); err != nil || account != username {
		g.t.Errorf("%q, %v, want the account", account, err)
	}
}

// expectWrong expects a guess to get 401, or 429 if wait is not 0.
func (g *guesser) expectWrong(username, password string, wait time.Duration) {
	g.t.Helper()
	_, err := g.Authenticate(g.t.Context(), username, password)
	refused, limited := errors.AsType[*api.Error](err)
	switch {
	case wait == 0 && (limited || !errors.Is(err, api.ErrUnauthenticated)):
		g.t.Errorf("got %v, want wrong credentials", err)
	case wait > 0 && (!limited || refused.Code != api.CodeTooManyRequests || refused.RetryAfter != wait):
		g.t.Errorf("got %+v, want too many requests for %v", err, wait)
	}
}

func (g *guesser) fail(times int) {
	g.t.Helper()
	for range times {
		g.expectWrong(alice.SID, "wrong", 0)
	}
}

// TestTenFailures goes through a whole attack, one second at a time.
func TestTenFailures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		g := newGuesser(t, db)
		for range maxFailures {
			g.fail(1)
			g.clock = g.clock.Add(time.Second)
		}
		g.expectWrong(alice.SID, "wrong", 50*time.Second)
		g.expectWrong(bobSID, "wrong", 50*time.Second)
		g.expectWrong("no SID", "", 50*time.Second)
		g.expectWrong("\xff\x00", alice.AuthToken, 50*time.Second)
		g.expectRight(alice.SID, alice.AuthToken)
		g.clock = g.clock.Add(49 * time.Second)
		g.expectWrong(alice.SID, "wrong", time.Second)
		g.clock = g.clock.Add(time.Second)
		g.fail(1) // the first failure no longer counts, ...
		g.expectWrong(alice.SID, "wrong", time.Second)
		g.clock = g.clock.Add(time.Hour)
		g.fail(maxFailures) // ... and then none does
		if lines := strings.Count(g.log.String(), "an address sends wrong credentials"); lines != 3 {
			t.Errorf("logged %d times, want 3:\n%s", lines, &g.log)
		}
		if strings.Contains(g.log.String(), "wrong\n") || strings.Contains(g.log.String(), alice.AuthToken) {
			t.Errorf("the log has a password:\n%s", &g.log)
		}
	})
}

// TestGuessesCostNoQuery guesses a thousand times in two seconds, from many goroutines.
func TestGuessesCostNoQuery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		g := newGuesser(t, db)
		g.fail(maxFailures)
		asked := g.asked.Load()
		for range 2 {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					for range 10 {
						g.expectWrong(alice.SID, "wrong", window-g.clock.Sub(start))
					}
				})
			}
			all.Wait()
			g.clock = g.clock.Add(time.Second)
		}
		if more, queries := g.asked.Load()-asked, g.queries.Load(); more != 0 || queries != 2 {
			t.Errorf("%d guesses reached the hub, with %d queries; want none and 2", more, queries)
		}
	})
}

// TestGuessesAtOnce sends 200 wrong passwords at the same time: at most ten get a 401.
func TestGuessesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		g := newGuesser(t, db)
		var wrong, tooMany atomic.Int64
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, err := g.Authenticate(t.Context(), alice.SID, "wrong")
				if limited, ok := errors.AsType[*api.Error](err); ok && limited.Code == api.CodeTooManyRequests {
					tooMany.Add(1)
				} else if errors.Is(err, api.ErrUnauthenticated) {
					wrong.Add(1)
				}
			})
		}
		all.Wait()
		if wrong.Load() != maxFailures || tooMany.Load() != 200-maxFailures {
			t.Errorf("%d times wrong and %d times too many", wrong.Load(), tooMany.Load())
		}
	})
}

// TestDatabaseIsDown guesses while the database does not respond, with and without a copy of the credentials.
func TestDatabaseIsDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		without, with := newGuesser(t, db), newGuesser(t, db)
		without.fail(maxFailures)
		with.fail(maxFailures)
		with.expectWrong(alice.SID, "wrong", window)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		const later = 30 * time.Second
		without.clock, with.clock = start.Add(later), start.Add(later)

		with.expectWrong(alice.SID, "wrong", window-later)
		asked := with.asked.Load()
		if _, err := with.Authenticate(t.Context(), alice.SID, alice.AuthToken); err == nil || with.asked.Load() == asked {
			t.Errorf("right credentials: %v; want the hub's error", err)
		}
		for range 10 {
			_, err := without.Authenticate(t.Context(), alice.SID, "wrong")
			if _, known := errors.AsType[*api.Error](err); err == nil || known || errors.Is(err, api.ErrUnauthenticated) {
				t.Errorf("without a database the error is %v", err)
			}
		}
		if queries := without.queries.Load(); queries != 1 {
			t.Errorf("%d queries within a second", queries)
		}
	})
}

// TestChangedAccounts changes credentials while an address is limited: in this process, where the change applies at once, and
// in another (a second store on the same database), where it applies a second later.
func TestChangedAccounts(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			name := database(t)
			here, elsewhere := storetest.Open(t, name), storetest.Open(t, name)
			g := newGuesser(t, here)
			g.fail(maxFailures)
			g.expectWrong(bobSID, "bobsecret", window)
			put(t, here, bobSID, "bobsecret")
			g.expectRight(bobSID, "bobsecret")
			put(t, here, bobSID, "second")
			g.expectWrong(bobSID, "bobsecret", window)
			g.expectRight(bobSID, "second")
			put(t, elsewhere, bobSID, "third")
			g.clock = g.clock.Add(time.Second)
			g.expectRight(bobSID, "third")
			g.expectWrong(bobSID, "second", window-time.Second)
		})
	}
}

// TestKeys adds and removes an API key while an address is limited, in this process and in another.
func TestKeys(t *testing.T) {
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			name := database(t)
			here, elsewhere := storetest.Open(t, name), storetest.Open(t, name)
			g := newGuesser(t, here)
			key := store.APIKey{SID: "SKcccccccccccccccccccccccccccccccc", AccountSID: alice.SID, Created: start}
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			expectKey := func() {
				t.Helper()
				if account, err := g.Authenticate(t.Context(), key.SID, "keysecret"); err != nil || account != alice.SID {
					t.Errorf("%q, %v, want the account", account, err)
				}
			}
			for range maxFailures {
				g.expectWrong(key.SID, "wrong", 0)
			}
			g.expectWrong(key.SID, "keysecret", window)
			check(here.AddAPIKey(t.Context(), key, "keysecret"))
			expectKey()
			g.expectWrong(key.SID, "wrong", window)
			g.expectWrong(key.SID, alice.AuthToken, window)
			g.expectRight(alice.SID, alice.AuthToken)
			check(elsewhere.RemoveAPIKey(t.Context(), key.SID))
			g.clock = g.clock.Add(time.Second)
			g.expectWrong(key.SID, "keysecret", window-time.Second)
			check(here.AddAPIKey(t.Context(), key, "keysecret"))
			expectKey()
			check(here.RemoveAPIKey(t.Context(), key.SID))
			g.expectWrong(key.SID, "keysecret", window-time.Second)
			if strings.Contains(g.log.String(), "keysecret") {
				t.Errorf("the log has a secret:\n%s", &g.log)
			}
		})
	}
}

// TestManyAccounts: if reading all accounts takes three seconds, it must not happen all the time, and guesses must not wait
// for it once there is a copy.
func TestManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queries := 0
		c := &credentials{now: time.Now, version: func() int64 { return 0 }, load: func(context.Context) ([]store.Credential, error) {
			queries++
			<-time.After(3 * time.Second)
			return []store.Credential{{Username: alice.SID, AccountSID: alice.SID}}, nil
		}}
		begun := time.Now()
		for range 100 {
			asked := time.Now()
			if right, err := c.right(t.Context(), alice.SID, "wrong"); right || err != nil {
				t.Errorf("%v, %v", right, err)
			}
			if took := time.Since(asked); took > patience && queries > 1 {
				t.Errorf("a guess took %v", took)
			}
			<-time.After(time.Second)
		}
		if limit := int(time.Since(begun)/(30*time.Second)) + 1; queries > limit {
			t.Errorf("%d queries of 3 s in %v", queries, time.Since(begun))
		}
		time.Sleep(3 * time.Second) //nolint:forbidigo // a fake clock: the last query ends before the test
	})
}
