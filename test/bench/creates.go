package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	shareGoal    = 0.8
	tailGoal     = 20 * time.Millisecond
	overSyncGoal = 150 * time.Microsecond
)

// durableShare is figure 1: how much of the speed is left when acknowledged creates are on disk.
func (b *bench) durableShare(ctx context.Context) (_ []row, err error) {
	full, err := serveDatabase(ctx, b.path("durable.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, full.close()) }()
	full.work(ctx)
	bare, err := serveDatabase(ctx, b.path("none.db"), withoutStorage)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	bare.work(ctx)

	stored, answered := creates(full.address, b.Connections), creates(bare.address, b.Connections)
	for _, warmUp := range []load{stored, answered} {
		if _, err := warmUp.lasting(ctx, b.Round/4); err != nil {
			return nil, err
		}
	}
	turns := b.progress("rounds, with and without storage", b.Rounds)
	var a, z, ratios []float64
	for range b.Rounds {
		with, err := stored.lasting(ctx, b.Round)
		if err != nil {
			return nil, err
		}
		without, err := answered.lasting(ctx, b.Round)
		if err != nil {
			return nil, err
		}
		a, z = append(a, with.perSecond()), append(z, without.perSecond())
		ratios = append(ratios, with.perSecond()/without.perSecond())
		turns()
	}
	ratio := median(ratios)
	return []row{{
		number: "1", what: fmt.Sprintf("durable creates at %d connections, of those without storage", b.Connections),
		reached: fmt.Sprintf("%s/s of %s/s", thousands(median(a)), thousands(median(z))),
		ratio:   fmt.Sprintf("%.2f", ratio), goal: fmt.Sprintf("at least %.1f", shareGoal), verdict: judge(ratio >= shareGoal),
	}}, nil
}

// createLatency is figure 2.
func (b *bench) createLatency(ctx context.Context) (_ []row, err error) {
	s, err := serveDatabase(ctx, b.path("latency.db"), durable)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.work(ctx)

	many := creates(s.address, b.Connections)
	if _, err := many.lasting(ctx, b.Round/4); err != nil {
		return nil, err
	}
	crowd, err := many.lasting(ctx, time.Duration(b.Rounds)*b.Round/2)
	if err != nil {
		return nil, err
	}
	alone, sync, err := b.alone(ctx, creates(s.address, 1))
	if err != nil {
		return nil, err
	}
	tail, middle := quantile(crowd.latencies, 0.99), quantile(alone, 0.5)
	return []row{{
		number: "2", what: fmt.Sprintf("p99 of a durable create at %d connections", b.Connections),
		reached: fmt.Sprintf("%s (median %s, maximum %s)", short(tail),
			short(quantile(crowd.latencies, 0.5)), short(quantile(crowd.latencies, 1))),
		goal: "at most " + short(tailGoal), verdict: judge(tail <= tailGoal),
	}, {
		what:    "median of a durable create at 1 connection",
		reached: fmt.Sprintf("%s (p99 %s), a sync %s", short(middle), short(quantile(alone, 0.99)), short(sync)),
		ratio:   fmt.Sprintf("sync + %s", short(middle-sync)),
		goal:    "at most sync + " + short(overSyncGoal), verdict: judge(middle <= sync+overSyncGoal),
	}}, nil
}

// alone alternately measures creates on a single connection and syncs of a file in the database's folder.
func (b *bench) alone(ctx context.Context, single load) (all []time.Duration, sync time.Duration, err error) {
	var syncs []time.Duration
	for range b.Rounds * 2 {
		one, err := b.syncTime(syncSamples / 5)
		if err != nil {
			return nil, 0, err
		}
		syncs = append(syncs, one)
		some, err := single.lasting(ctx, b.Round/6)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, some.latencies...)
	}
	return all, quantile(syncs, 0.5), nil
}
