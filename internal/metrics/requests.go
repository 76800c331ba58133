package metrics

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentrusthub/trusthub/api"
)

// requests counts requests under the names of OpenTelemetry's semantic conventions.
type requests struct {
	durations *prometheus.HistogramVec

	// The series that there are, which are found without an allocation. A new one replaces the map.
	known  atomic.Pointer[map[series]prometheus.Observer]
	adding sync.Mutex
}

// series are the values of the labels of a request. All of them come from the server: there are few routes, and of the methods
// that a caller can make up, one.
type series struct {
	route, method string
	status        int
}

func newRequests() *requests {
	r := &requests{durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Duration of requests, until the response was written. Status 499: the caller closed the connection before.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"http_route", "http_request_method", "http_response_status_code"})}
	r.known.Store(&map[series]prometheus.Observer{})
	return r
}

// ObserveRequest is an api.Config.Observe.
func (m *Metrics) ObserveRequest(info api.RequestInfo) {
	s := series{info.Route, knownMethod(info.Method), info.Status}
	observer := (*m.requests.known.Load())[s]
	if observer == nil {
		observer = m.requests.add(s)
	}
	observer.Observe(info.Duration.Seconds())
}

// add returns the observer of a series that is used for the first time.
func (r *requests) add(s series) prometheus.Observer {
	r.adding.Lock()
	defer r.adding.Unlock()
	observer := r.durations.WithLabelValues(s.route, s.method, strconv.Itoa(s.status))
	known := maps.Clone(*r.known.Load())
	known[s] = observer
	r.known.Store(&known)
	return observer
}

// knownMethod returns the method if it is one of the standard, and otherwise OpenTelemetry's name for any other.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "_OTHER"
}
