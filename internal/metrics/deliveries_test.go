package metrics_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/metrics"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestDelay: the delay of a delivery ends when the first attempt has reached the receiver.
func TestDelay(t *testing.T) {
	m := metrics.New(openStore(t), time.Now, time.Now)
	server := httptest.NewServer(m.Handler())
	t.Cleanup(server.Close)
	changed := time.Now()
	observe := func(tries int, a trust.Attempt) {
		m.ObserveDelivery(store.Report{Attempt: a, State: store.Ready, Lease: store.Lease{
			Tries: tries, Notice: trust.Notice{Channel: trust.Callback, Created: changed},
		}})
	}
	started := changed.Add(time.Second)
	observe(0, trust.Attempt{Started: started, Duration: 5 * time.Second, Verdict: trust.TryAgain})                     // unreached
	observe(1, trust.Attempt{Started: started, Verdict: trust.Delivered, Connected: true, Connecting: 8 * time.Second}) // the second
	observe(0, trust.Attempt{Started: started, Verdict: trust.Delivered, Connected: true, Connecting: 3 * time.Second})

	all, _ := scrape(t, server.Listener.Addr().String())
	const delay = "trusthub_delivery_delay_seconds"
	if count, seconds := sum(all, delay+"_count"), sum(all, delay+"_sum"); count != 1 || seconds != 4 {
		t.Errorf("%v delays of %v s, want one of 4 s", count, seconds)
	}
}
