package app

import (
	"context"
	"net"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/metrics"
)

// buildMetrics makes what counts, and has it listen. It comes first, because everything else is counted.
func (a *App) buildMetrics(ctx context.Context) error {
	c := a.config
	if c.MetricsListen == "" {
		return nil
	}
	a.metrics = metrics.New(c.Store, c.Now, c.realNow)
	a.scraped = &site{handler: a.metrics.Handler(), limiter: c.newLimiter()}
	return a.scraped.listen(ctx, c.MetricsListen)
}

// observe returns the api.Config.Observe of customers' requests, nil if nobody wants to know of them.
func (a *App) observe() func(api.RequestInfo) {
	switch {
	case a.requests == nil && a.metrics == nil:
		return nil
	case a.requests == nil:
		return a.metrics.ObserveRequest
	case a.metrics == nil:
		return a.requests.Observe
	}
	return func(info api.RequestInfo) {
		a.metrics.ObserveRequest(info)
		a.requests.Observe(info)
	}
}

// MetricsAddr returns the address that the metrics are served at, or nil.
func (a *App) MetricsAddr() net.Addr { return a.scraped.addr() }
