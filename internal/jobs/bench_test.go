package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/callback"
	"github.com/opentrusthub/trusthub/internal/jobs"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// bench is a world with real callbacks and the real clock.
type bench struct {
	*world
	arrived chan string // the SID of each callback that the receiver got
	url     string
	raw     *sql.DB // beside the store
}

// benchEach runs a benchmark on each engine.
func benchEach(b *testing.B, run func(b *testing.B, x *bench)) {
	databases := storetest.Names()
	databases["postgres"] = pgtest.NewDurable
	for _, engine := range slices.Sorted(maps.Keys(databases)) {
		b.Run(engine, func(b *testing.B) { run(b, newBench(b, databases[engine](b))) })
	}
}

func newBench(b *testing.B, database string) *bench {
	b.Helper()
	x := &bench{world: newWorld(b, storetest.Open(b, database)), arrived: make(chan string, 1<<20)}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.arrived <- r.PostFormValue("BundleSid")
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(receiver.Close)
	x.url, x.raw = receiver.URL, openRaw(b, database)
	sender := callback.NewSender(callback.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: time.Now})
	b.Cleanup(sender.Close)
	x.config.Call, x.config.Now, x.now = sender.Send, time.Now, time.Now()
	x.config.Policy = trust.Policy{ValidFor: time.Hour}
	return x
}

func (x *bench) run(b *testing.B) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var working sync.WaitGroup
	working.Go(func() { jobs.NewWorker(x.config).Run(ctx) })
	b.Cleanup(func() { stop(); working.Wait() })
}

// latency submits a bundle and returns how long after the commit its callback arrived.
func (x *bench) latency(sid string) time.Duration {
	x.create(sid, "a@b.example", x.url)
	x.handIn(sid)
	committed := time.Now()
	<-x.arrived
	return time.Since(committed)
}

func report(b *testing.B, latencies []time.Duration) {
	b.Helper()
	slices.Sort(latencies)
	at := func(q float64) float64 {
		return float64(latencies[int(q*float64(len(latencies)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op") // includes making the bundles: of no interest
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

// BenchmarkCallbackLatency measures from commit to arrival on loopback, with an empty queue.
func BenchmarkCallbackLatency(b *testing.B) { benchEach(b, callbackLatency) }

func callbackLatency(b *testing.B, x *bench) {
	x.run(b)
	var latencies []time.Duration
	for b.Loop() {
		latencies = append(latencies, x.latency(fmt.Sprintf("BU%d", len(latencies))))
	}
	report(b, latencies)
}

// BenchmarkDeadEndpoint is the same while 10,000 callbacks are due to an endpoint that accepts connections and never answers.
func BenchmarkDeadEndpoint(b *testing.B) { benchEach(b, deadEndpoint) }

func deadEndpoint(b *testing.B, x *bench) {
	dead, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = dead.Close() })
	for i := range 10_000 {
		sid := fmt.Sprintf("BUdead%d", i)
		x.create(sid, "a@b.example", "http://"+dead.Addr().String()+"/")
		x.handIn(sid)
	}
	x.run(b)
	var latencies []time.Duration
	for b.Loop() {
		latencies = append(latencies, x.latency(fmt.Sprintf("BU%d", len(latencies))))
	}
	report(b, latencies)
}

// BenchmarkCallbacks measures how fast 20,000 callbacks to one receiver are delivered and recorded, and as many e-mails recorded as
// not sent, because mail is off.
func BenchmarkCallbacks(b *testing.B) { benchEach(b, callbacks) }

func callbacks(b *testing.B, x *bench) {
	const count = 20_000
	x.config.Mail = nil
	x.insertNotices(b, count, store.Ready)
	b.ResetTimer() // one delivery, whatever b.N
	x.run(b)
	x.awaitDelivered(b, count)
	b.ReportMetric(count/b.Elapsed().Seconds(), "callbacks/s")
}

// BenchmarkReplay sends 10,000 dead callbacks again and measures until all are recorded as delivered.
func BenchmarkReplay(b *testing.B) { benchEach(b, replay) }

func replay(b *testing.B, x *bench) {
	const count = 10_000
	x.insertNotices(b, count, store.Dead)
	x.run(b)
	b.ResetTimer() // one replay, whatever b.N: what has been delivered is not dead any more
	n, err := x.db.ReplayAll(b.Context(), store.DeliveryFilter{State: store.Dead, Channel: trust.Callback}, time.Now())
	if n != count || err != nil {
		b.Fatal(n, err)
	}
	b.ReportMetric(b.Elapsed().Seconds(), "s-to-replay")
	x.awaitDelivered(b, count)
	b.ReportMetric(b.Elapsed().Seconds(), "s-to-deliver")
}

// insertNotices stores bundles with a callback and an e-mail each in one state.
func (x *bench) insertNotices(b *testing.B, count int, state store.State) {
	b.Helper()
	due, ended := x.now.UnixMicro(), int64(0)
	if state != store.Ready {
		due, ended = 0, x.now.UnixMicro()
	}
	const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) `
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO bundles (kind, sid, account_sid, policy_sid, friendly_name, email, status_callback, status,
				valid_until, errors, noncompliance, created_at, updated_at, due_at) `+numbers+`
			SELECT 'trust-product', 'BU' || n, '%s', 'RN', 'Acme', 'a@b.example', '%s', 'pending-review', 0, '', 0, 1, 1, 0
			FROM numbers`, count, accountSID, x.url),
		fmt.Sprintf(`INSERT INTO notices (id, channel, target, endpoint, account_sid, bundle_sid, bundle_kind, friendly_name,
				status, errors, created_at, position, state, tries, due_at, lease, ended_at) `+numbers+`
			SELECT 'ND' || n || channel, channel, target, endpoint, '%s', 'BU' || n, 'trust-product', 'Acme', 'pending-review',
				'', 1, 1, '%s', 0, CAST(%d AS BIGINT), '', CAST(%d AS BIGINT)
			FROM numbers CROSS JOIN (SELECT 'callback' AS channel, '%s' AS target, '%s' AS endpoint
				UNION ALL SELECT 'email', 'a@b.example', 'smtp') AS channels`,
			count, accountSID, state, due, ended, x.url, x.url),
	} {
		if _, err := x.raw.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// awaitDelivered waits until so many callbacks have arrived and are recorded.
func (x *bench) awaitDelivered(b *testing.B, count int) {
	b.Helper()
	for range count {
		<-x.arrived
	}
	for open := true; open; {
		err := x.raw.QueryRowContext(b.Context(), `SELECT EXISTS (SELECT 1 FROM notices WHERE ended_at = 0 AND channel = 'callback')`).Scan(&open)
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRemoveKeys measures how fast idempotency keys go that are old enough, and how long creates take meanwhile.
func BenchmarkRemoveKeys(b *testing.B) { benchEach(b, removeKeys) }

func removeKeys(b *testing.B, x *bench) {
	const count = 20_000
	x.storeKeys(count, x.now.Add(-2*store.KeyLife))
	b.ResetTimer() // one removal, whatever b.N
	x.run(b)
	var latencies []time.Duration
	for left := true; left; {
		began := time.Now()
		x.create(fmt.Sprintf("BU%d", len(latencies)), "a@b.example", "")
		latencies = append(latencies, time.Since(began))
		if len(latencies)%10 == 0 {
			if err := x.raw.QueryRowContext(b.Context(), `SELECT COUNT(*) > 0 FROM (SELECT 1 FROM idempotency_keys LIMIT 1) AS k`).Scan(&left); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(count/b.Elapsed().Seconds(), "keys/s")
	report(b, latencies)
}
