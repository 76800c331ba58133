package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
)

const (
	callbackGoal      = 2000
	callbackShareGoal = 0.5                      // of SQLite's speed, on Postgres
	replayGoal        = 2 * time.Second / 10_000 // each
	callbacksAReplay  = 6                        // one is replayed for so many that are sent
	creators          = 8                        // connections
	besideCreates     = "the same with creates at 8 connections"
)

// callbacks is figure 6: one worker sends callbacks for many submitted products to a local receiver; and then some that the
// receiver has refused are replayed. It does so on each engine, without other work and while clients create products over HTTP.
// Each change also has an e-mail, which the worker records as not sent because mail is off.
func (b *bench) callbacks(ctx context.Context) ([]row, error) {
	b.say("%s callbacks and their replays, and again with creates going on", thousands(b.Callbacks))
	alone, err := b.callbacksOnSQLite(ctx, backlog{callbacks: b.Callbacks, replays: b.Callbacks / callbacksAReplay})
	if err != nil {
		return nil, err
	}
	beside, err := b.callbacksOnSQLite(ctx, backlog{callbacks: b.Callbacks, creators: creators})
	if err != nil {
		return nil, err
	}
	rows := []row{
		alone.row(thousands(b.Callbacks)+" callbacks to one receiver", ""),
		beside.row(besideCreates, ", "+thousands(beside.creates)+" creates/s"),
		replayRow("SQLite", b.Callbacks, alone.replay),
	}
	rows[0].number = "6"
	more, err := b.callbacksOnPostgres(ctx, alone, beside)
	return append(rows, more...), err
}

func (b *bench) callbacksOnSQLite(ctx context.Context, load backlog) (d delivered, err error) {
	s, err := serveDatabase(ctx, b.path(fmt.Sprintf("callbacks%d.db", load.creators)), durable)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return deliver(ctx, s, load)
}

func replayRow(engine string, callbacks int, took time.Duration) row {
	count := callbacks / callbacksAReplay
	goal := replayGoal * time.Duration(count)
	return row{
		what:    fmt.Sprintf("%s: %s replays, until all have arrived", engine, thousands(count)),
		reached: short(took), goal: "at most " + short(goal), verdict: judge(took <= goal),
	}
}

// callbacksOnPostgres is the same on Postgres, with the server's default pool.
func (b *bench) callbacksOnPostgres(ctx context.Context, alone, beside delivered) ([]row, error) {
	const what = "Postgres: callbacks to one receiver, of SQLite"
	values, err := goBenchmark(ctx, "test/bench", "BenchmarkCallbacksPostgres", strconv.Itoa(b.Callbacks)+"x", 1)
	if errors.Is(err, errSkipped) {
		b.say("%v", err)
		return []row{{what: what + ", and replays", reached: noPostgres, verdict: notMeasured}}, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := medians(values, "callbacks/s", "slowest/s", "replay-ns", "beside/s", "beside-slowest/s", "creates/s")
	if err != nil {
		return nil, err
	}
	compared := func(what string, here, sqlite delivered, more string) row {
		share := here.perSecond / sqlite.perSecond
		return row{
			what: what, reached: here.text() + more + ", of " + thousands(sqlite.perSecond) + "/s",
			ratio: fmt.Sprintf("%.2f", share), goal: fmt.Sprintf("at least %.1f", callbackShareGoal),
			verdict: judge(share >= callbackShareGoal),
		}
	}
	return []row{
		compared(what, delivered{perSecond: m[0], slowest: m[1]}, alone, ""),
		compared(besideCreates, delivered{perSecond: m[3], slowest: m[4]}, beside, ", "+thousands(m[5])+" creates/s"),
		replayRow("Postgres", b.Callbacks, time.Duration(m[2])),
	}, nil
}

// backlog is what a worker has to send, and what clients do meanwhile.
type backlog struct {
	callbacks int
	replays   int // afterwards
	creators  int // connections that create products while the callbacks are sent
}

// delivered is how fast callbacks were sent, and products were created meanwhile, and how long the replays took.
type delivered struct {
	perSecond, slowest, creates float64
	replay                      time.Duration
}

func (d delivered) text() string {
	return fmt.Sprintf("%s/s (slowest twelfth %s/s)", thousands(d.perSecond), thousands(d.slowest))
}

func (d delivered) row(what, more string) row {
	return row{
		what: what, reached: d.text() + more, goal: "at least " + thousands(callbackGoal) + "/s",
		verdict: judge(min(d.perSecond, d.slowest) >= callbackGoal),
	}
}

// deliver makes the callbacks and measures their delivery. It starts the server's worker.
func deliver(ctx context.Context, s *local, b backlog) (d delivered, err error) {
	r, err := receive(ctx)
	if err != nil {
		return d, err
	}
	defer r.halt()
	if err := makeSubmitted(ctx, s.Store(), b.callbacks, r.url()); err != nil {
		return d, err
	}
	all := r.expect(b.callbacks)
	var created loaded
	loading, stop := context.WithCancel(ctx)
	defer stop()
	group, loading := errgroup.WithContext(loading)
	group.Go(func() (err error) {
		created, err = creates(s.address, b.creators).while(ctx, func(int) bool { return loading.Err() == nil })
		return err
	})
	start := time.Now()
	s.work(ctx)
	select {
	case <-all.done:
	case <-loading.Done(): // the creates have failed, or the bench was interrupted
	}
	stop()
	if err := errors.Join(group.Wait(), ctx.Err()); err != nil {
		return d, err
	}
	d.perSecond, d.slowest = all.speed(start)
	d.creates = created.perSecond()
	d.replay, err = replayAll(ctx, s, r, b.replays)
	return d, err
}

// replayAll has the receiver refuse callbacks, and returns how long it takes to replay them all.
func replayAll(ctx context.Context, s *local, r *receiver, count int) (time.Duration, error) {
	if count == 0 {
		return 0, nil
	}
	r.refuses.Store(true)
	if err := makeSubmitted(ctx, s.Store(), count, r.url()); err != nil {
		return 0, err
	}
	dead := store.DeliveryFilter{State: store.Dead}
	err := poll(ctx, func() (bool, error) {
		n, err := s.Store().CountReplayable(ctx, dead)
		return n == count, err
	})
	if err != nil {
		return 0, err
	}
	r.refuses.Store(false)
	all := r.expect(count)
	start := time.Now()
	if n, err := s.Store().ReplayAll(ctx, dead, start); err != nil || n != count {
		return 0, errors.Join(err, fmt.Errorf("%d callbacks are replayed, want %d", n, count))
	}
	select {
	case <-all.done:
		return time.Since(start), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// poll waits until a condition is true.
func poll(ctx context.Context, done func() (bool, error)) error {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
