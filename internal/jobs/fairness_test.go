package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestOneAccountHangs: an account with more endpoints that never answer than there are places waits for itself. Another
// account's callback and mail go at once.
func TestOneAccountHangs(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		const hostile, polite = "AChostile", "ACpolite"
		release := make(chan struct{})
		hanging, told := make(chan struct{}, 10_000), make(chan trust.Channel, 10)
		send := func(n trust.Notice) trust.Attempt {
			if n.AccountSID == polite {
				told <- n.Channel
			} else if n.Channel == trust.Callback {
				hanging <- struct{}{}
				<-release
			}
			return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
		}
		w.config.Call = func(_ context.Context, n trust.Notice, _ string) trust.Attempt { return send(n) }
		w.config.Mail = func(_ context.Context, n trust.Notice) trust.Attempt { return send(n) }
		w.submitFor(hostile, 700)

		ctx, stop := context.WithCancel(t.Context())
		var working sync.WaitGroup
		working.Go(func() { jobs.NewWorker(w.config).Run(ctx) })
		defer func() {
			close(release)
			stop()
			working.Wait()
		}()
		for range 256 {
			<-hanging
		}
		w.submitFor(polite, 1)
		got := map[trust.Channel]bool{<-told: true, <-told: true}
		if !got[trust.Callback] || !got[trust.Email] {
			t.Errorf("told over %v", got)
		}
		if len(hanging) != 0 {
			t.Errorf("the hostile account holds %d places more than half", len(hanging))
		}
	})
}

// TestMailsWaitForTheHour: an account that has sent its mails of the hour waits, with more mails due than are looked at in a
// cycle, and holds up neither its callbacks nor another account.
func TestMailsWaitForTheHour(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.config.MailsPerHour = 5
		mails, calls := map[string]int{}, map[string]int{}
		count := func(n trust.Notice, sent map[string]int) trust.Attempt {
			w.mu.Lock()
			defer w.mu.Unlock()
			sent[n.AccountSID]++
			return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
		}
		w.config.Call = func(_ context.Context, n trust.Notice, _ string) trust.Attempt { return count(n, calls) }
		w.config.Mail = func(_ context.Context, n trust.Notice) trust.Attempt { return count(n, mails) }
		w.config.Policy = trust.Policy{ValidFor: time.Hour} // no change but the submission
		w.worker = jobs.NewWorker(w.config)
		w.submitFor("ACmany", 300)
		w.submitFor("ACfew", 1)
		w.drainAt(0)
		w.drainAt(time.Minute)
		if mails["ACmany"] != 5 || mails["ACfew"] != 1 || calls["ACmany"] != 300 || calls["ACfew"] != 1 {
			t.Errorf("mails %v, callbacks %v", mails, calls)
		}
		w.drainAt(time.Hour)
		if mails["ACmany"] != 10 {
			t.Errorf("after an hour %d mails", mails["ACmany"])
		}
	})
}

// submitFor has an account submit bundles, each with an endpoint of its own.
func (w *world) submitFor(account string, count int) {
	w.t.Helper()
	if err := w.db.PutAccount(w.t.Context(), store.Account{SID: account, AuthToken: "token", Created: start}); err != nil {
		w.t.Fatal(err)
	}
	for i := range count {
		p := trust.NewBundle(trust.TrustProduct, fmt.Sprintf("BU%s%d", account, i), account, "RN", "Acme", "a+hold@b.example",
			fmt.Sprintf("http://%d.%s.example/", i, account), w.clock())
		if err := w.db.Bundles.Create(w.t.Context(), p); err != nil {
			w.t.Fatal(err)
		}
		_, err := w.db.UpdateBundle(w.t.Context(), store.BundlesOf(account, trust.TrustProduct), p.SID, func(p trust.Bundle) (trust.Outcome, error) {
			return w.config.Policy.Apply(p, trust.Change{Status: new(trust.PendingReview)}, trust.AccountHolder, w.clock())
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestManyOpenEndpoints: an account with many endpoints that wait for their next attempt is told of something new at once, also
// while another account has more due than the worker looks at.
func TestManyOpenEndpoints(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, w *world, database string) {
		const hostile, polite = "AChostile", "ACpolite"
		release := make(chan struct{})
		hanging, told := make(chan struct{}, 10_000), make(chan struct{}, 10)
		w.config.Call = func(_ context.Context, n trust.Notice, _ string) trust.Attempt {
			if n.AccountSID == polite {
				told <- struct{}{}
			} else {
				hanging <- struct{}{}
				<-release
			}
			return trust.Attempt{Started: start, Verdict: trust.Delivered, StatusCode: 200}
		}
		insertOpen(t, openRaw(t, database), polite, 5_000, start.Add(75*time.Hour))
		w.submitFor(hostile, 700)
		w.worker = jobs.NewWorker(w.config)
		done := make(chan error)
		go func() { done <- w.worker.Drain(t.Context()) }()
		for range 256 {
			<-hanging
		}
		w.await("the mails", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.mailed) == 2*700 // submitted, taken into review
		})
		w.submitFor(polite, 1)
		// One more place becomes free: the worker looks once.
		release <- struct{}{}
		<-told
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// insertOpen stores notices of an account, each to an endpoint of its own, that wait for their next attempt.
func insertOpen(tb testing.TB, db *sql.DB, account string, count int, due time.Time) {
	tb.Helper()
	_, err := db.ExecContext(tb.Context(), fmt.Sprintf(`INSERT INTO notices (id, channel, target, endpoint, account_sid, bundle_sid,
			friendly_name, status, errors, created_at, position, state, tries, due_at, lease, ended_at)
		WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
		SELECT 'ND' || n, 'callback', 'http://0-' || n || '.example/', 'http://0-' || n || '.example:80', '%s', 'BUopen' || n,
			'Acme', 'pending-review', '', 0, 1, 'ready', 1, CAST(%d AS BIGINT) + n, '', 0 FROM numbers`,
		count, account, due.UnixMicro()))
	if err != nil {
		tb.Fatal(err)
	}
}

// TestFailingBundle: a bundle whose change cannot be stored keeps nobody else's notices from being sent.
func TestFailingBundle(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, w *world, database string) {
		refuse(t, database, "INSERT ON notices", "NEW.bundle_sid = 'BU1' AND NEW.status = 'in-review'")
		w.submit("BU1", "a+hold@b.example")
		w.submit("BU2", "a+hold@b.example")
		if err := w.worker.Drain(t.Context()); err == nil {
			t.Error("no error tells of the bundle that cannot be stored")
		}
		told := func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.called) == 2
		}
		w.await("the callbacks of both bundles", told)
	})
}

// BenchmarkOpenEndpoints measures an idle cycle of the worker with 30,000 endpoints that notices are open for and nothing is due
// to.
func BenchmarkOpenEndpoints(b *testing.B) {
	benchEach(b, func(b *testing.B, x *bench) {
		insertOpen(b, x.raw, accountSID, 30_000, x.now.Add(75*time.Hour))
		worker := jobs.NewWorker(x.config)
		if err := worker.Drain(b.Context()); err != nil {
			b.Fatal(err)
		}
		for b.Loop() { // nothing is due: a Drain is one cycle
			if err := worker.Drain(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
