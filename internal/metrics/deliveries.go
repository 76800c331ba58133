package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// deliveries counts attempts to deliver notices.
type deliveries struct {
	attempts, ended *prometheus.CounterVec
	delays          *prometheus.HistogramVec
}

func newDeliveries() *deliveries {
	d := &deliveries{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trusthub_delivery_attempts_total",
			Help: "Attempts to deliver callbacks and e-mails.",
		}, []string{"channel", "verdict"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trusthub_deliveries_ended_total",
			Help: "Callbacks and e-mails after their last attempt. State dead: given up.",
		}, []string{"channel", "state"}),
		delays: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "trusthub_delivery_delay_seconds",
			Help:    "Time from a change until the first attempt has reached the receiver. A replay counts as a first attempt.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
		}, []string{"channel"}),
	}
	for _, channel := range trust.Channels() { // so that a rate has a start: all series are there before anything is delivered
		d.delays.WithLabelValues(string(channel))
		for _, verdict := range []trust.Verdict{trust.Delivered, trust.TryAgain, trust.Refused, trust.NotSent} {
			d.attempts.WithLabelValues(string(channel), string(verdict))
		}
		for _, state := range []store.State{store.Delivered, store.Dead, store.NotSent} {
			d.ended.WithLabelValues(string(channel), string(state))
		}
	}
	return d
}

// ObserveDelivery is a jobs.Config.Observe.
func (m *Metrics) ObserveDelivery(r store.Report) {
	channel := string(r.Lease.Notice.Channel)
	m.deliveries.attempts.WithLabelValues(channel, string(r.Attempt.Verdict)).Inc()
	if r.State != store.Ready {
		m.deliveries.ended.WithLabelValues(channel, string(r.State)).Inc()
	}
	if r.Lease.Tries == 0 && r.Attempt.Connected {
		delay := r.Attempt.Started.Add(r.Attempt.Connecting).Sub(r.Lease.Notice.Created)
		m.deliveries.delays.WithLabelValues(channel).Observe(max(delay.Seconds(), 0)) // servers' clocks may differ
	}
}
