package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// storeCollector reports what a store has done. It reads no database.
type storeCollector struct {
	db                               *store.Store
	changes                          *prometheus.Desc
	batches, writes, log             *prometheus.Desc
	connections, most, waits, waited *prometheus.Desc
}

func newStoreCollector(db *store.Store) *storeCollector {
	return &storeCollector{
		db: db,
		changes: newDesc("trusthub_status_changes_total",
			"Changes of the status of Trust Products and Customer Profiles by this process.", "kind", "from", "to"),
		batches: newDesc("trusthub_store_batches_total", "Commits of SQLite, each of one or more writes. 0 on Postgres."),
		writes:  newDesc("trusthub_store_batched_writes_total", "Writes in the commits of SQLite. 0 on Postgres."),
		log:     newDesc("trusthub_store_log_bytes", "Size of SQLite's write-ahead log. 0 on Postgres."),
		connections: newDesc("trusthub_store_connections",
			"Open connections to the database by pool and state (idle, used).", "pool", "state"),
		most:   newDesc("trusthub_store_connections_max", "Most connections that a pool can open; 0 means no limit.", "pool"),
		waits:  newDesc("trusthub_store_connection_waits_total", "Times that a connection was waited for.", "pool"),
		waited: newDesc("trusthub_store_connection_wait_seconds_total", "Time that connections were waited for.", "pool"),
	}
}

// Describe implements prometheus.Collector.
func (c *storeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.changes, c.batches, c.writes, c.log, c.connections, c.most, c.waits, c.waited} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *storeCollector) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	stats := c.db.Stats()
	for _, change := range statusChanges() {
		counter(c.changes, float64(stats.StatusChanges[change]), string(change.Kind), string(change.From), string(change.To))
	}
	counter(c.batches, float64(stats.Batches))
	counter(c.writes, float64(stats.BatchedWrites))
	gauge(c.log, float64(stats.LogBytes))
	for name, pool := range stats.Pools {
		gauge(c.connections, float64(pool.InUse), name, "used")
		gauge(c.connections, float64(pool.Idle), name, "idle")
		gauge(c.most, float64(pool.MaxOpenConnections), name)
		counter(c.waits, float64(pool.WaitCount), name)
		counter(c.waited, pool.WaitDuration.Seconds(), name)
	}
}

// statusChanges returns all that there can be, each once.
func statusChanges() []store.StatusChange {
	var all []store.StatusChange
	seen := map[store.StatusChange]bool{}
	for _, kind := range []trust.Kind{trust.TrustProduct, trust.CustomerProfile} {
		for _, step := range trust.Steps() { // which has some twice, for different actors
			change := store.StatusChange{Kind: kind, From: step.From, To: step.To}
			if !seen[change] {
				seen[change] = true
				all = append(all, change)
			}
		}
	}
	return all
}

const (
	backlogAge     = 5 * time.Second // before it is read again
	backlogTimeout = 2 * time.Second
	maxOpen        = 100_000 // that are counted
)

// backlogCollector reports what the database has to deliver.
type backlogCollector struct {
	db              *store.Store
	now, realNow    func() time.Time
	up, open, delay *prometheus.Desc

	mu      sync.Mutex
	read    time.Time
	backlog store.Backlog
	err     error
}

func newBacklogCollector(db *store.Store, now, realNow func() time.Time) *backlogCollector {
	return &backlogCollector{
		db: db, now: now, realNow: realNow,
		up: newDesc("trusthub_database_up", "Whether the database could be read. If not, what follows from it is missing."),
		open: newDesc("trusthub_deliveries_open",
			"Callbacks and e-mails of all servers that have not been delivered or given up. Counted up to 100000."),
		delay: newDesc("trusthub_delivery_oldest_due_seconds",
			"For how long the callback or e-mail that is overdue the longest has been due; 0 if none is."),
	}
}

// Describe implements prometheus.Collector.
func (c *backlogCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.up
	to <- c.open
	to <- c.delay
}

// Collect implements prometheus.Collector.
func (c *backlogCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	now := c.now()
	backlog, err := c.latest(now)
	if err != nil {
		gauge(c.up, 0)
		return
	}
	gauge(c.up, 1)
	gauge(c.open, float64(backlog.Open))
	delay := 0.0
	if !backlog.OldestDue.IsZero() {
		delay = max(now.Sub(backlog.OldestDue).Seconds(), 0)
	}
	gauge(c.delay, delay)
}

// latest returns the backlog as it was a moment ago. Others wait for the one that reads it.
func (c *backlogCollector) latest(now time.Time) (store.Backlog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.realNow(); at.Sub(c.read).Abs() >= backlogAge {
		ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
		defer cancel()
		c.backlog, c.err = c.db.Backlog(ctx, now, maxOpen)
		c.read = at
	}
	return c.backlog, c.err
}
