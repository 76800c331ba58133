package metrics_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/metrics"
)

// create is what the server observes for a create.
var create = api.RequestInfo{
	Method: http.MethodPost, Route: "/v1/TrustProducts", Operation: "CreateTrustProduct", Status: http.StatusCreated,
	Duration: 300 * time.Microsecond,
}

// BenchmarkObserveRequest measures what metrics cost a request.
func BenchmarkObserveRequest(b *testing.B) {
	m := metrics.New(openStore(b), time.Now, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		m.ObserveRequest(create)
	}
}

// TestObserveRequestAllocatesNothing checks it after the first request, which makes the series.
func TestObserveRequestAllocatesNothing(t *testing.T) {
	m := metrics.New(openStore(t), time.Now, time.Now)
	if n := testing.AllocsPerRun(100, func() { m.ObserveRequest(create) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
