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

// BenchmarkReplay sends 10,000 dead callbacks again and measures until all have arrived.
func BenchmarkReplay(b *testing.B) { benchEach(b, replay) }

func replay(b *testing.B, x *bench) {
	const count = 10_000
	send := x.config.Call
	x.config.Call = func(context.Context, trust.Notice, string) trust.Attempt {
		return trust.Attempt{Verdict: trust.Refused}
	}
	for i := range count {
		sid := fmt.Sprintf("BU%d", i)
		x.create(sid, "a@b.example", x.url)
		x.handIn(sid)
	}
	if err := jobs.NewWorker(x.config).Drain(b.Context()); err != nil {
		b.Fatal(err)
	}
	x.config.Call = send
	x.run(b)
	b.ResetTimer() // one replay, whatever b.N: what has been delivered is not dead any more
	if n, err := x.db.ReplayAll(b.Context(), store.DeliveryFilter{State: store.Dead}, time.Now()); n != count || err != nil {
		b.Fatal(n, err)
	}
	for range count {
		<-x.arrived
	}
	b.ReportMetric(count/b.Elapsed().Seconds(), "callbacks/s")
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
