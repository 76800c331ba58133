package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/seed"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

var (
	start   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	account = store.Account{SID: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", AuthToken: "token", Created: start}
	policy  = trust.Policy{AutoReview: true, ReviewDelay: time.Hour, ValidFor: 24 * time.Hour}
)

const operatorToken = "operatorsecret16"

const seedText = `trust_products:
- {key: seeded, friendly_name: Seeded, email: a@acme.example, policy_sid: RN7a97559effdf62d00f4298208492a5ea}
`

// world is a server with a control, which has a seed.
type world struct {
	*control.Control
	t   *testing.T
	app *app.App

	mu     sync.Mutex
	called []string                                                // "status after" of each callback, after the start
	call   func(ctx context.Context, n trust.Notice) trust.Attempt // nil delivers
	failed []string                                                // what the server logged as errors
}

// newWorld makes a server whose clock stands.
func newWorld(t *testing.T, db *store.Store) *world {
	t.Helper()
	check(t, db.PutAccount(t.Context(), account))
	file, err := seed.Parse("seed", []byte(seedText))
	check(t, err)
	w := &world{t: t}
	clock := control.NewClock(start, time.Now)
	w.Control = control.New(clock, func(ctx context.Context) error {
		_, err := file.Store(ctx, db, seed.Config{AccountSID: account.SID, Policy: policy, Now: clock.Now()})
		return err
	})
	w.app, err = app.New(t.Context(), app.Config{
		Store: db, Control: w.Control, Policy: policy, Call: w.onCallback, AllowGuessing: true,
		Operator: app.Operator{Token: operatorToken},
		Random:   func() float64 { return 0.5 }, Logger: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	check(t, err)
	return w
}

// openFile opens a SQLite database, for tests that do not depend on the engine.
func openFile(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), store.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return db
}

// work runs the server's worker until the test ends.
func (w *world) work() {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	var working sync.WaitGroup
	working.Go(func() { w.app.Work(ctx) })
	w.t.Cleanup(func() {
		stop()
		working.Wait()
	})
}

// Write is called with each error that the server logs.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, string(line))
	return len(line), nil
}

func (w *world) onCallback(ctx context.Context, n trust.Notice, _ string) trust.Attempt {
	w.mu.Lock()
	w.called = append(w.called, fmt.Sprint(n.Status, " ", w.after().Truncate(time.Second)))
	call := w.call
	w.mu.Unlock()
	if call != nil {
		return call(ctx, n)
	}
	return trust.Attempt{Started: w.Clock.Now(), Verdict: trust.Delivered, Connected: true, StatusCode: http.StatusNoContent}
}

// after returns how far the clock has come.
func (w *world) after() time.Duration { return w.Clock.Now().Sub(start) }

func (w *world) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.SetBasicAuth(account.SID, account.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(response, r)
	return response
}

// product is send for a request that returns a product, which must have the status want.
func (w *world) product(want int, method, path string, form url.Values) (p gen.TrustProduct) {
	w.t.Helper()
	response := w.send(method, path, form)
	if response.Code != want {
		w.t.Errorf("%s %s: status %d, want %d: %s", method, path, response.Code, want, response.Body)
	}
	check(w.t, json.Unmarshal(response.Body.Bytes(), &p))
	return p
}

func (w *world) create() gen.TrustProduct {
	w.t.Helper()
	return w.product(http.StatusCreated, http.MethodPost, "/v1/TrustProducts", url.Values{
		"FriendlyName": {"Acme"}, "Email": {"Acme"}, "StatusCallback": {"https://acme.example/"},
		"PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
	})
}

func (w *world) submit() (sid string) {
	w.t.Helper()
	sid = w.create().SID
	w.product(http.StatusOK, http.MethodPost, "/v1/TrustProducts/"+sid, url.Values{"Status": {"pending-review"}})
	return sid
}

// names returns the names of the account's products, newest first.
func (w *world) names() (names []string) {
	w.t.Helper()
	var page gen.TrustProductPage
	check(w.t, json.Unmarshal(w.send(http.MethodGet, "/v1/TrustProducts?PageSize=1000", nil).Body.Bytes(), &page))
	for _, p := range page.Results {
		names = append(names, p.FriendlyName)
	}
	return names
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAdvance moves the clock over a review, with retries: all must happen at its time, whether a worker runs or not.
func TestAdvance(t *testing.T) {
	for _, working := range []bool{false, true} {
		t.Run(fmt.Sprintf("working %v", working), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.Store) {
				w := newWorld(t, db)
				failures := 2
				w.call = func(context.Context, trust.Notice) trust.Attempt {
					w.mu.Lock()
					defer w.mu.Unlock()
					verdict := trust.Delivered
					if failures--; failures >= 0 {
						verdict = trust.TryAgain
					}
					return trust.Attempt{Started: w.Clock.Now(), Verdict: verdict}
				}
				if working {
					w.work()
				}
				sid := w.submit()
				check(t, w.Advance(t.Context(), 2*time.Hour))
				want := []string{"pending-review 0s", "pending-review 5s", "pending-review 5m5s", "in-review 5m5s", "twilio-approved 1h0m0s"}
				if !slices.Equal(w.called, want) {
					t.Errorf("called back %q, want %q", w.called, want)
				}
				p := w.product(http.StatusOK, http.MethodGet, "/v1/TrustProducts/"+sid, nil)
				if after := p.DateUpdated.Sub(start); p.Status != gen.BundleStatusTwilioApproved || after != time.Hour {
					t.Errorf("the product is %s since %v after the start", p.Status, after)
				}
				if after := w.after(); after != 2*time.Hour+time.Millisecond { // and one for the create
					t.Errorf("the clock moved by %v", after)
				}
			})
		})
	}
}

// TestAdvanceRunning: a clock that runs goes on from where Advance has moved it, and the worker goes on with it. How long
// callbacks take in the meantime does not matter.
func TestAdvanceRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, openFile(t))
		w.call = func(context.Context, trust.Notice) trust.Attempt {
			<-time.After(10 * time.Second)
			return trust.Attempt{Started: w.Clock.Now(), Verdict: trust.Delivered}
		}
		w.Clock.Run()
		w.work()
		w.submit()
		check(t, w.Advance(t.Context(), 2*time.Hour))
		if after := w.after(); after != 2*time.Hour {
			t.Errorf("the clock moved by %v, want 2h", after)
		}
		check(t, w.Advance(t.Context(), 23*time.Hour-10*time.Second))
		<-time.After(20 * time.Second) // the approval ends by itself
		w.mu.Lock()
		defer w.mu.Unlock()
		want := []string{"pending-review 0s", "in-review 0s", "twilio-approved 1h0m0s", "twilio-rejected 25h0m0s"}
		if !slices.Equal(w.called, want) {
			t.Errorf("called back %q, want %q", w.called, want)
		}
	})
}

// TestAdvanceConcurrently: each call moves the clock by as much as it says.
func TestAdvanceConcurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openFile(t))
	w.work()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if err := errors.Join(w.Advance(t.Context(), time.Minute), w.Settle(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if after := w.after(); after != 10*time.Minute {
		t.Errorf("the clock moved by %v, want 10m", after)
	}
}

// TestSettle: the callbacks after a submission have arrived when Settle returns.
func TestSettle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		w := newWorld(t, db)
		w.work()
		for range 5 {
			w.submit()
		}
		check(t, w.Settle(t.Context()))
		slices.Sort(w.called)
		want := slices.Concat(slices.Repeat([]string{"in-review 0s"}, 5), slices.Repeat([]string{"pending-review 0s"}, 5))
		if !slices.Equal(w.called, want) {
			t.Errorf("called back %q", w.called)
		}
	})
}

// TestGiveUp ends the context of Advance during a callback. The worker must go on with that, and not repeat it.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, openFile(t))
	calling, release, canceled := make(chan struct{}), make(chan struct{}), false
	w.call = func(ctx context.Context, n trust.Notice) trust.Attempt {
		if n.Status == trust.TwilioApproved {
			close(calling)
			<-release
			canceled = ctx.Err() != nil
		}
		return trust.Attempt{Started: w.Clock.Now(), Verdict: trust.Delivered}
	}
	w.work()
	w.submit()
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Advance(ctx, 2*time.Hour) }()
	<-calling
	giveUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Advance returned %v", err)
	}
	if after := w.after(); after != time.Hour+time.Millisecond && after != time.Hour {
		t.Errorf("the clock moved by %v, want until the callback", after)
	}
	close(release)
	check(t, w.Settle(t.Context()))
	if canceled || len(w.called) != 3 {
		t.Errorf("the callback was canceled: %v; called back %q", canceled, w.called)
	}
}

// TestReset: afterwards there is the seed, or nothing.
func TestReset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		w := newWorld(t, db)
		w.work()
		for _, seeded := range []bool{true, false, true} {
			w.submit()
			check(t, w.Faults.Inject(1, control.Match{Method: http.MethodPost}, control.Fault{Drop: control.DropBefore}))
			check(t, w.Reset(t.Context(), seeded))
			if names := w.names(); (len(names) == 1 && names[0] == "Seeded") != seeded || len(names) > 1 || w.Faults.Left() != 0 {
				t.Errorf("seeded %v: the products are %q, and %d faults are left", seeded, names, w.Faults.Left())
			}
			primary := "/v1/CustomerProfiles/" + trust.PrimarySID(account.SID)
			if got := w.send(http.MethodGet, primary, nil).Code; got != http.StatusOK {
				t.Errorf("seeded %v: the Primary has status %d", seeded, got)
			}
		}
	})
}

// TestResetWaits: Reset waits for a request that has begun, and the next request for Reset.
func TestResetWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, openFile(t))
		w.create()
		release := make(chan struct{})
		slow := w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		go slow.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/Policies", nil))
		synctest.Wait()

		ctx, giveUp := context.WithCancel(t.Context())
		var hasReset, hasRead bool
		var err error
		var names []string
		go func() { err = w.Reset(ctx, true) }()
		synctest.Wait()
		giveUp()
		synctest.Wait()
		if got := w.names(); !errors.Is(err, context.Canceled) || !slices.Equal(got, []string{"Acme"}) {
			t.Errorf("after giving up: %v, the products are %q", err, got)
		}

		go func() { err, hasReset = w.Reset(t.Context(), true), true }()
		synctest.Wait()
		go func() { names, hasRead = w.names(), true }()
		synctest.Wait()
		if hasReset || hasRead {
			t.Errorf("during a request: reset %v, a later request performed %v", hasReset, hasRead)
		}
		close(release)
		synctest.Wait()
		if !hasReset || err != nil || !slices.Equal(names, []string{"Seeded"}) {
			t.Errorf("after the request: reset %v, %v, the products are %q", hasReset, err, names)
		}
	})
}

// TestResetUnderLoad resets while others create and submit, and the worker calls back: nothing may fail, and nothing be left.
func TestResetUnderLoad(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		w := newWorld(t, db)
		w.work()
		w.Clock.Run()
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 15 {
					sid := w.create().SID
					response := w.send(http.MethodPost, "/v1/TrustProducts/"+sid, url.Values{"Status": {"pending-review"}})
					if response.Code != http.StatusOK && response.Code != http.StatusNotFound {
						t.Errorf("submit: status %d: %s", response.Code, response.Body)
					}
				}
			})
		}
		for range 10 {
			check(t, w.Reset(t.Context(), true))
			check(t, w.Advance(t.Context(), time.Hour))
		}
		group.Wait()
		check(t, w.Reset(t.Context(), true))
		check(t, w.Advance(t.Context(), time.Hour))
		open, err := db.Deliveries(t.Context(), store.DeliveryFilter{Limit: 10})
		if err != nil || len(open) != 0 || !slices.Equal(w.names(), []string{"Seeded"}) || len(w.failed) != 0 {
			t.Errorf("%v; %d notices are left, the products are %q; the log has %q", err, len(open), w.names(), w.failed)
		}
	})
}

// TestOperatorsWait: a request of an operator waits for Reset, but not one of test mode.
func TestOperatorsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, openFile(t))
		release := make(chan struct{})
		slow := w.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		go slow.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/Policies", nil))
		synctest.Wait()
		var err error
		go func() { err = w.Reset(t.Context(), true) }()
		synctest.Wait()

		var accounts, clock int
		go func() { accounts = w.operate("/operator/v1/accounts") }()
		go func() { clock = w.operate("/operator/v1/test/clock") }()
		synctest.Wait()
		if accounts != 0 || clock != http.StatusOK {
			t.Errorf("during a reset: the accounts have status %d, the clock %d", accounts, clock)
		}
		close(release)
		synctest.Wait()
		if err != nil || accounts != http.StatusOK {
			t.Errorf("after the reset: %v, the accounts have status %d", err, accounts)
		}
	})
}

// operate returns the status of a GET request of an operator.
func (w *world) operate(path string) int {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	response := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(response, r)
	return response.Code
}
