package siege_test

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestWrongPasswords guesses passwords concurrently. Ten guesses a minute get a 401, all others a 429 with a Retry-After.
// Requests with the right password must not be affected.
func TestWrongPasswords(t *testing.T) {
	for engine, database := range map[string]func(testing.TB) string{"sqlite": sqlite, "postgres": pgtest.New} {
		t.Run(engine, func(t *testing.T) {
			server := start(t, program, database(t))
			guesses, begun := scale(200, 20_000), time.Now()
			statuses := guess(t, server, guesses)
			minutes := 1 + int(time.Since(begun)/time.Minute)
			t.Logf("%d guesses in %v: %v", guesses, time.Since(begun), statuses)
			wrong, tooMany := statuses[http.StatusUnauthorized], statuses[http.StatusTooManyRequests]
			if wrong < 10 || wrong > 10*minutes || wrong+tooMany != guesses {
				t.Errorf("responses: %v", statuses)
			}
			expectAtOnce(t, server)
		})
	}
}

// guess guesses on four connections, while others make valid requests, and counts the responses by status.
func guess(t *testing.T, server *url.URL, guesses int) map[int]int {
	t.Helper()
	const guessers = 4
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for range guessers {
		all.Go(func() {
			for range guesses / guessers {
				a, err := list(t.Context(), server, "wrong")
				if err != nil {
					t.Error(err)
					return
				}
				wait, _ := strconv.Atoi(a.header.Get("Retry-After"))
				if a.status == http.StatusTooManyRequests && (wait < 1 || wait > 60) {
					t.Errorf("429 with Retry-After %q", a.header.Get("Retry-After"))
				}
				mu.Lock()
				statuses[a.status]++
				mu.Unlock()
			}
		})
	}
	defer all.Wait()
	for range 5 {
		expectAtOnce(t, server)
	}
	all.Wait()
	return statuses
}
