package hub_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/hub"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// limited is a server with quotas, by a clock that can be put forward.
type limited struct {
	t       *testing.T
	handler http.Handler
	ahead   atomic.Int64
}

func (s *limited) later(d time.Duration) { s.ahead.Add(int64(d)) }

func newLimited(t *testing.T, db *store.Store, quotas hub.Quotas) *limited {
	t.Helper()
	if err := db.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s := &limited{t: t}
	s.handler = newHandler(t, app.Config{
		Store: db, Policy: trust.Policy{AutoReview: true}, Quotas: quotas,
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	return s
}

func (s *limited) send(method, path, form string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "http://hub.example"+path, strings.NewReader(form))
	r.SetBasicAuth(alice.SID, alice.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *limited) create() *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(http.MethodPost, "/v1/TrustProducts",
		"FriendlyName=Acme&Email=a@b.example&PolicySid=RN7a97559effdf62d00f4298208492a5ea&StatusCallback=http://b.example/")
}

// fill creates with several callers at once until each is refused.
func (s *limited) fill(callers int) {
	s.t.Helper()
	var calling sync.WaitGroup
	for range callers {
		calling.Go(func() {
			w := s.create()
			for w.Code == http.StatusCreated {
				w = s.create()
			}
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "20001") {
				s.t.Errorf("refused with %d: %s", w.Code, w.Body)
			}
		})
	}
	calling.Wait()
}

// TestTwoServersFill has two servers on one database, one of which has just started, fill an account at the same time. Together
// they store as many products as it may have, and more only within the bound.
func TestTwoServersFill(t *testing.T) {
	const callers = 4
	for _, limit := range []int{50, 2000} {
		for engine, database := range storetest.Names() {
			t.Run(fmt.Sprint(engine, " ", limit), func(t *testing.T) {
				name := database(t)
				db := storetest.Open(t, name)
				servers := []*limited{
					newLimited(t, db, hub.Quotas{Objects: limit}),
					newLimited(t, storetest.Open(t, name), hub.Quotas{Objects: limit}),
				}
				for range limit / 2 {
					if w := servers[0].create(); w.Code != http.StatusCreated {
						t.Fatalf("%d: %s", w.Code, w.Body)
					}
				}
				var filling sync.WaitGroup
				for _, s := range servers {
					filling.Go(func() { s.fill(callers) })
				}
				filling.Wait()
				stored, err := db.Bundles.Count(t.Context(), store.BundlesOf(alice.SID, trust.TrustProduct), 10*limit)
				if most := limit + len(servers)*(2*limit/1000+callers); err != nil || stored < limit-callers || stored > most {
					t.Errorf("%d products are stored, the limit is %d, at most %d may be: %v", stored, limit, most, err)
				}
			})
		}
	}
}

// TestOpenNotices: an account whose notices are not taken can submit no more, though most of them wait behind another. What it
// has submitted is reviewed all the same, and when its notices have been sent there is room again.
func TestOpenNotices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := newLimited(t, db, hub.Quotas{OpenNotices: 5})
		var products [2]string
		for i := range products {
			_, body, _ := strings.Cut(s.create().Body.String(), `"sid":"`)
			products[i], _, _ = strings.Cut(body, `"`)
		}
		submit := func(product string, status int) {
			t.Helper()
			if w := s.send(http.MethodPost, "/v1/TrustProducts/"+product, "Status=pending-review"); w.Code != status {
				t.Errorf("answered with %d: %s", w.Code, w.Body)
			}
		}
		// work has a worker do what is due after a time, and returns how many notices are open then.
		work := func(after time.Duration, verdict trust.Verdict) int {
			t.Helper()
			now := time.Now().Add(after)
			send := func(context.Context, trust.Notice) trust.Attempt {
				return trust.Attempt{Started: now, Verdict: verdict}
			}
			worker := jobs.NewWorker(jobs.Config{
				Store: db, Policy: trust.Policy{AutoReview: true, ValidFor: 24 * time.Hour}, Retries: jobs.StandardRetries(), Keep: time.Hour,
				Call: func(ctx context.Context, n trust.Notice, _ string) trust.Attempt { return send(ctx, n) },
				Mail: send, Now: func() time.Time { return now }, Random: rand.Float64, Logger: slog.New(slog.DiscardHandler),
			})
			if err := worker.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			open, err := db.CountOpenNotices(t.Context(), alice.SID, 100)
			if err != nil {
				t.Fatal(err)
			}
			return open
		}
		submit(products[0], http.StatusOK)
		if open := work(0, trust.TryAgain); open != 6 {
			t.Errorf("%d notices are open", open)
		}
		if p, err := db.Bundles.Fetch(t.Context(), store.BundlesOf(alice.SID, trust.TrustProduct), products[0]); err != nil || p.Status != trust.TwilioApproved {
			t.Errorf("the product is %s: %v", p.Status, err)
		}
		s.later(time.Minute)
		submit(products[1], http.StatusTooManyRequests)
		if open := work(time.Hour, trust.Delivered); open != 0 {
			t.Errorf("%d notices are open", open)
		}
		s.later(time.Minute)
		submit(products[1], http.StatusOK)
	})
}
