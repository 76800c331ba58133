package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/test/kit/baretest"
)

// BenchmarkEdge alternately measures a create through the whole package (route, authenticate, validate, bind, respond) with a
// backend that does nothing, and through a bare net/http handler that does the same by hand. Look at the ratios: the times
// depend on the machine.
func BenchmarkEdge(b *testing.B) {
	layer := newHandler(b, backend{}, api.Config{})
	bare := baretest.Handler(account, token)
	request := func() *http.Request { return newRequest(strings.NewReader(form)) }
	for _, handler := range []http.Handler{layer, bare} {
		if w, _ := answerOf(b, handler, request()); w.Code != http.StatusCreated {
			b.Fatalf("status %d", w.Code)
		}
	}
	var layerTime, bareTime time.Duration
	for b.Loop() {
		layerTime += timed(layer, request())
		bareTime += timed(bare, request())
	}
	allocations := func(handler http.Handler) float64 {
		return testing.AllocsPerRun(200, func() { handler.ServeHTTP(httptest.NewRecorder(), request()) })
	}
	harness := testing.AllocsPerRun(200, func() { httptest.NewRecorder(); request() })
	layerAllocs, bareAllocs := allocations(layer)-harness, allocations(bare)-harness
	b.ReportMetric(0, "ns/op") // of both together, which means nothing
	b.ReportMetric(float64(layerTime.Nanoseconds())/float64(b.N), "layer-ns")
	b.ReportMetric(float64(bareTime.Nanoseconds())/float64(b.N), "bare-ns")
	b.ReportMetric(float64(layerTime)/float64(bareTime), "time-ratio")
	b.ReportMetric(layerAllocs, "layer-allocs")
	b.ReportMetric(bareAllocs, "bare-allocs")
	b.ReportMetric(layerAllocs/bareAllocs, "alloc-ratio")
}

func timed(handler http.Handler, r *http.Request) time.Duration {
	w := httptest.NewRecorder()
	start := time.Now()
	handler.ServeHTTP(w, r)
	return time.Since(start)
}
