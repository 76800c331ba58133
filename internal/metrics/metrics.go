// Package metrics counts what a server does, for Prometheus.
//
// # What it guarantees
//
//   - No metric has a SID, an account, a host, an address or a text of a customer as a label. The number of series is bounded,
//     whatever is requested.
//   - Counting a request takes less than a microsecond and allocates nothing.
//   - A scrape reads the database at most every few seconds, however many scrape, and a bounded part of it. It works while the
//     database is down.
//   - It uses a registry of its own, never the default one.
//
// # What it does not do
//
// It does not authenticate those who scrape, and it counts for one process only: what other processes do on the same database,
// commands included, is not in it. Only the backlog is that of the database.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/opentrusthub/trusthub/internal/store"
)

// Path is where Handler serves the metrics.
const Path = "/metrics"

const (
	maxScrapes    = 4 // at a time
	scrapeTimeout = 10 * time.Second
)

// Metrics counts what one server does. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *requests
	deliveries *deliveries
}

// New returns the metrics of a server with this store. What is due depends on the clock now, which a test may have stopped, and
// how often the database is read on realNow.
func New(db *store.Store, now, realNow func() time.Time) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), requests: newRequests(), deliveries: newDeliveries()}
	m.registry.MustRegister(
		m.requests.durations, m.deliveries.attempts, m.deliveries.ended, m.deliveries.delays,
		newStoreCollector(db), newBacklogCollector(db, now, realNow),
		collectors.NewBuildInfoCollector(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler serves the metrics at Path, and nothing else.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	}))
	return mux
}
