package jobs_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// hang starts another worker, whose clock says now and who hangs in everything that it sends. It returns when the worker has
// begun to send a callback and a mail, with what lets it go on and waits for its end.
func (w *world) hang(lease time.Duration, now time.Time) (release func()) {
	w.t.Helper()
	hanging, released, done := make(chan struct{}, 2), make(chan struct{}), make(chan error)
	config := w.config
	config.Lease, config.Now = lease, func() time.Time { return now }
	config.Call = func(context.Context, trust.Notice, string) trust.Attempt {
		select {
		case hanging <- struct{}{}:
		default: // nobody waits for more
		}
		<-released
		return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
	}
	config.Mail = func(ctx context.Context, n trust.Notice) trust.Attempt { return config.Call(ctx, n, "") }
	go func() { done <- jobs.NewWorker(config).Drain(w.t.Context()) }()
	<-hanging
	<-hanging
	return func() {
		w.t.Helper()
		close(released)
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// TestLeases has a worker hang while another, whose clock is a minute ahead of its or behind, does what is due: not what is
// leased, and all of it as soon as the lease has ended.
func TestLeases(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ahead": time.Minute, "behind": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				const clock = time.Hour // of the other worker
				w.submit("BU1", "a+hold@b.example")
				release := w.hang(jobs.DefaultLease, start.Add(clock-ahead))
				w.drainAt(clock)
				expect(t, "while the lease lasts", w.called, nil)
				release()

				w.setClock(0)
				w.submit("BU2", "a+hold@b.example")
				release = w.hang(time.Millisecond, start.Add(clock-ahead))
				w.await("the end of the lease", func() bool { w.drainAt(clock); return len(w.called) > 0 })
				expect(t, "after the lease has ended", w.called, []string{"BU2 pending-review", "BU2 in-review"})
				release()
				first := w.callbacks("BU2")[0]
				if first.State != store.Delivered || len(first.Attempts) != 1 || first.Attempts[0].StatusCode != http.StatusNoContent {
					t.Errorf("the late worker overwrote the result: %+v", first)
				}
			})
		})
	}
}

// await looks again and again.
func (w *world) await(what string, there func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !there() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestStop ends a worker that has a callback and a mail on their way to someone who does not answer: both are given back
// without an attempt, and the next worker sends them at once. A second attempt would be one too many here.
func TestStop(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		arrived, end := make(chan string, 1), make(chan struct{})
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- r.Header.Get("I-Twilio-Idempotency-Token")
			<-end
		}))
		defer receiver.Close()
		defer close(end)
		sender := callback.NewSender(callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: time.Now})
		defer sender.Close()
		config := w.config
		config.Retries, config.Call = jobs.TwilioRetries(), sender.Send
		mailing := make(chan struct{})
		config.Mail = func(ctx context.Context, _ trust.Notice) trust.Attempt {
			close(mailing)
			<-ctx.Done()
			return trust.Attempt{Verdict: trust.TryAgain, Connected: true, Error: "before MAIL: context canceled"}
		}
		w.create("BU1", "a+hold@b.example", receiver.URL)
		w.handIn("BU1")

		worker := jobs.NewWorker(config)
		worker.StopWithin(0)
		ctx, stop := context.WithCancel(t.Context())
		var working sync.WaitGroup
		working.Go(func() { worker.Run(ctx) })
		token := <-arrived
		<-mailing
		stop()
		working.Wait()

		all, err := w.db.Deliveries(t.Context(), store.DeliveryFilter{State: store.Ready, Limit: 10})
		if err != nil || len(all) != 2 {
			t.Fatalf("%d notices are ready, %v", len(all), err)
		}
		for _, d := range all {
			if len(d.Attempts) != 0 {
				t.Errorf("counted: %+v", d.Attempts)
			}
		}
		w.config.Retries = jobs.TwilioRetries()
		w.worker = jobs.NewWorker(w.config)
		w.drainAt(0)
		expect(t, "after the next start", w.called, []string{"BU1 pending-review", "BU1 in-review"})
		expect(t, "mails", w.mailed, w.called)
		if first := w.callbacks("BU1")[0]; first.Notice.ID != token || len(first.Attempts) != 1 {
			t.Errorf("the token was %s, the notice is %+v", token, first)
		}
	})
}

// TestPanicInASender: it counts as a failed attempt, and everyone else's notices go on.
func TestPanicInASender(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var log bytes.Buffer
		w.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
		w.config.Mail = func(context.Context, trust.Notice) trust.Attempt { panic("a defect with a customer's secret") }
		w.worker = jobs.NewWorker(w.config)
		w.answer = func(n trust.Notice) trust.Attempt {
			if n.BundleSID == "BU1" {
				panic("a defect with a customer's secret")
			}
			return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
		}
		w.submit("BU1", "a+hold@b.example")
		w.submit("BU2", "a+hold@b.example")
		w.drainAt(0)
		if got := w.states("BU1") + w.states("BU2"); got != "[ready waiting][delivered delivered]" {
			t.Errorf("states %s", got)
		}
		first := w.callbacks("BU1")[0]
		if len(first.Attempts) != 1 || first.Attempts[0].Error == "" || !first.Due.Equal(start.Add(5*time.Second)) {
			t.Errorf("%+v", first)
		}
		if text := log.String(); !strings.Contains(text, "delivery_test.go") || strings.Contains(text, "secret") ||
			!strings.Contains(text, first.Notice.ID) {
			t.Errorf("the log: %s", text)
		}
	})
}

// onEachDatabase is onEach with the name of the database.
func onEachDatabase(t *testing.T, test func(t *testing.T, w *world, database string)) {
	t.Helper()
	for engine, name := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			database := name(t)
			test(t, newWorld(t, storetest.Open(t, database)), database)
		})
	}
}

// refuse has the database refuse what an INSERT or UPDATE would make of a row.
func refuse(t *testing.T, database, event, condition string) {
	t.Helper()
	statements := []string{
		`CREATE TRIGGER refuse BEFORE ` + event + ` WHEN ` + condition + ` BEGIN SELECT RAISE(ABORT, 'refused'); END`,
	}
	if store.IsPostgres(database) {
		statements = []string{
			`CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
			`CREATE TRIGGER refuse BEFORE ` + event + ` FOR EACH ROW WHEN (` + condition + `) EXECUTE FUNCTION refuse()`,
		}
	}
	db := openRaw(t, database)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// openRaw opens the database itself, beside the store.
func openRaw(tb testing.TB, database string) *sql.DB {
	tb.Helper()
	driver := "sqlite"
	if store.IsPostgres(database) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() }) // what matters has been committed
	return db
}

// TestReportThatCannotBeStored has the database refuse what is to be recorded of one bundle. As much is recorded as can be, it
// is sent once, and all others go on.
func TestReportThatCannotBeStored(t *testing.T) {
	for name, test := range map[string]struct {
		event, condition string
		states           string
		attempts         int // at the first notice
	}{
		"the answer":  {"INSERT ON attempts", "NEW.answer = 'poison'", "[delivered delivered]", 1},
		"the attempt": {"INSERT ON attempts", "NEW.status_code = 299", "[dead dead]", 0},
		"anything":    {"UPDATE ON notices", "NEW.bundle_sid = 'BU1' AND NEW.state <> 'sending'", "[sending waiting]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			onEachDatabase(t, func(t *testing.T, w *world, database string) {
				var log bytes.Buffer
				w.config.Logger, w.config.Mail = slog.New(slog.NewTextHandler(&log, nil)), nil
				w.worker = jobs.NewWorker(w.config)
				w.answer = func(n trust.Notice) trust.Attempt {
					a := trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200, Answer: "ok"}
					if n.BundleSID == "BU1" {
						a.StatusCode, a.Answer = 299, "poison"
					}
					return a
				}
				refuse(t, database, test.event, test.condition)
				w.submit("BU1", "a+hold@b.example")
				w.submit("BU2", "a+hold@b.example")
				w.drainAt(0)
				w.drainAt(time.Hour)
				if got := w.states("BU1"); got != test.states {
					t.Errorf("states %s, want %s", got, test.states)
				}
				if got := w.states("BU2"); got != "[delivered delivered]" {
					t.Errorf("states of the other: %s", got)
				}
				first := w.callbacks("BU1")[0]
				if len(first.Attempts) != test.attempts || test.attempts > 0 && first.Attempts[0].Error == "" {
					t.Errorf("%+v", first.Attempts)
				}
				if sent := strings.Count(strings.Join(w.called, "\n"), "BU1 pending-review"); sent != 1 {
					t.Errorf("it was sent %d times", sent)
				}
				if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), first.Notice.ID) {
					t.Errorf("the log: %s", &log)
				}
			})
		})
	}
}
