package api_test

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api"
)

// BenchmarkEdge alternately measures a create through the whole package (route, authenticate, validate, bind, respond) with a
// backend that does nothing, and through a bare net/http handler that does the same by hand. Look at the ratios: the times
// depend on the machine.
func BenchmarkEdge(b *testing.B) {
	layer := newHandler(b, backend{}, api.Config{})
	bare := bareHandler()
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

// bareHandler does by hand, for this operation, what the package does for all.
func bareHandler() http.Handler {
	policy := regexp.MustCompile(`^RN[0-9a-fA-F]{32}$`)
	want := sha256.Sum256([]byte(token))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/TrustProducts", func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		got := sha256.Sum256([]byte(password))
		if username != account || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			http.Error(w, "Authenticate", http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil {
			http.Error(w, "body", http.StatusBadRequest)
			return
		}
		values, err := url.ParseQuery(string(body))
		if err != nil || values.Get("FriendlyName") == "" || !isOneLine(values.Get("Email")) || !policy.MatchString(values.Get("PolicySid")) {
			http.Error(w, "invalid", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(product(r.Context(), values.Get("FriendlyName"), values.Get("Email")))
	})
	return mux
}
