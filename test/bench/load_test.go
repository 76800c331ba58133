package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLoad sends requests to a server whose responses are long and short, and then says that it is overloaded.
func TestLoad(t *testing.T) {
	const count = 100
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, token, ok := r.BasicAuth(); !ok || name != accountSID || token != authToken {
			t.Errorf("the credentials are %q and %q", name, token)
		}
		switch body, err := io.ReadAll(r.Body); {
		case err != nil:
			t.Error(err)
		case r.URL.Path == "/refused":
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(body)
		default:
			_, _ = io.WriteString(w, strings.Repeat("long ", 10_000)) // so long that net/http sends it in chunks
		}
	}))
	defer server.Close()
	requests := []string{get("/list"), post("/create", createForm, "Idempotency-Key: 1")}
	l := load{
		address: server.Listener.Addr().String(), connections: 4,
		request: func(buffer []byte, number int) []byte { return append(buffer, requests[number%2]...) },
	}
	if done, err := l.times(t.Context(), count); err != nil || len(done.latencies) != count {
		t.Errorf("%d requests were answered (%v), want %d", len(done.latencies), err, count)
	}
	requests[1] = get("/refused")
	if _, err := l.times(t.Context(), count); err == nil {
		t.Error("a refusal is no error")
	}
}

// TestOpenLoop: a latency begins when the request was due, not when it is sent.
func TestOpenLoop(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	l := load{
		address: server.Listener.Addr().String(), connections: 2, status: http.StatusOK,
		request: func(buffer []byte, _ int) []byte { return append(buffer, get("/")...) },
	}
	latencies, err := l.atRate(t.Context(), time.Now().Add(-time.Hour), 1, 4*time.Second) // as if it were an hour behind
	if err != nil || len(latencies) != 4 {
		t.Fatalf("latencies %v, %v, want 4", latencies, err)
	}
	for i, latency := range latencies {
		if latency < time.Hour-4*time.Second {
			t.Errorf("request %d took %v, want almost an hour", i, latency)
		}
	}
}

func TestByParts(t *testing.T) {
	w := watched{memory: []int{10e6, 20e6, 20e6, 20e6, 12e6}, log: []int{1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6}}
	got := []string{w.memoryRow().reached, w.memoryRow().ratio, string(w.memoryRow().verdict), w.logRow().reached, watched{}.memoryRow().reached}
	want := []string{"10 MB, 20 MB, 20 MB, 20 MB, 12 MB", "1.20", "not met", "1 MB, 2 MB, 4 MB, 5 MB, 7 MB", "no /proc on this system"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUndisturbed has the host take time in the second and in the last of nine samples, with two latencies each.
func TestUndisturbed(t *testing.T) {
	w := watched{taken: []float64{0.01, 0.5, 0, 0, 0, 0, 0, 0.02, 0.03}}
	latencies := make([]time.Duration, 18)
	for i := range latencies {
		latencies[i] = time.Duration(i)
	}
	want := []time.Duration{0, 1, 12, 13, 14, 15}
	if diff := cmp.Diff(want, w.undisturbed(latencies)); diff != "" {
		t.Error(diff)
	}
	if got := (watched{taken: []float64{1}}).undisturbedRow(latencies); got.verdict != notMeasured {
		t.Errorf("disturbed all the time: %+v", got)
	}
}

func TestTakenSince(t *testing.T) {
	before := processors{all: 1000, taken: 10}
	if got := (processors{all: 1200, taken: 60}).takenSince(before); got != 0.25 {
		t.Errorf("got %v, want 0.25", got)
	}
	if got := before.takenSince(before); got != 0 {
		t.Errorf("in no time: %v", got)
	}
}
