package main

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

const (
	poolSize      = 16 // the program's default
	postgresRound = 2 * time.Second
)

// BenchmarkPostgres compares durable creates over HTTP with the fastest that the same pool can do: as many goroutines as
// connections, each inserting the same row, with one commit for each statement. One iteration is a round of each.
func BenchmarkPostgres(b *testing.B) {
	ctx := b.Context()
	s, err := serveDatabase(ctx, pgtest.NewDurable(b), durable)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.close(); err != nil {
			b.Error(err)
		}
	})
	s.work(ctx)
	pool := plainPool(b)
	load := creates(s.address, 64)
	if _, err := load.lasting(ctx, postgresRound/4); err != nil {
		b.Fatal(err)
	}
	insertFor(b, pool, postgresRound/4)

	var served, plain, ratios []float64
	for b.Loop() {
		created, err := load.lasting(ctx, postgresRound)
		if err != nil {
			b.Fatal(err)
		}
		inserted := insertFor(b, pool, postgresRound)
		served, plain = append(served, created.perSecond()), append(plain, inserted)
		ratios = append(ratios, created.perSecond()/inserted)
	}
	b.ReportMetric(0, "ns/op") // the length of the rounds, which means nothing
	b.ReportMetric(median(served), "creates/s")
	b.ReportMetric(median(plain), "inserts/s")
	b.ReportMetric(median(ratios), "ratio")
}

// BenchmarkKeyedPostgres is figure 9 on Postgres. One iteration is a round of each load.
func BenchmarkKeyedPostgres(b *testing.B) {
	ctx := b.Context()
	s, err := serveDatabase(ctx, pgtest.NewDurable(b), durable)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.close(); err != nil {
			b.Error(err)
		}
	})
	s.work(ctx)
	done, err := inTurns(ctx, b.N, keyedCreates(s.address, 64).rounds(postgresRound), creates(s.address, 64).rounds(postgresRound))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(done.first, "keyed/s")
	b.ReportMetric(done.second, "plain/s")
	b.ReportMetric(done.ratio, "ratio")
}

// BenchmarkCallbacksPostgres is figure 6 on Postgres, with b.N callbacks.
func BenchmarkCallbacksPostgres(b *testing.B) {
	alone := deliverOnPostgres(b, backlog{callbacks: b.N, replays: b.N / callbacksAReplay})
	beside := deliverOnPostgres(b, backlog{callbacks: b.N, creators: creators})
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(alone.perSecond, "callbacks/s")
	b.ReportMetric(alone.slowest, "slowest/s")
	b.ReportMetric(float64(alone.replay), "replay-ns")
	b.ReportMetric(beside.perSecond, "beside/s")
	b.ReportMetric(beside.slowest, "beside-slowest/s")
	b.ReportMetric(beside.creates, "creates/s")
}

func deliverOnPostgres(b *testing.B, load backlog) delivered {
	b.Helper()
	s, err := serveDatabase(b.Context(), pgtest.NewDurable(b), durable)
	if err != nil {
		b.Fatal(err)
	}
	done, err := deliver(b.Context(), s, load)
	if err := errors.Join(err, s.close()); err != nil {
		b.Fatal(err)
	}
	return done
}

// plainPool returns a pool for a separate database on the same cluster, with the program's schema, used without its code.
func plainPool(b *testing.B) *sql.DB {
	b.Helper()
	name := pgtest.NewDurable(b)
	s, err := serveDatabase(b.Context(), name, durable) // creates the schema
	if err != nil {
		b.Fatal(err)
	}
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	config, err := pgx.ParseConfig(name)
	if err != nil {
		b.Fatal(err)
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	b.Cleanup(func() {
		if err := pool.Close(); err != nil {
			b.Error(err)
		}
	})
	return pool
}

// insertFor inserts rows for a duration and returns the rows per second.
func insertFor(b *testing.B, pool *sql.DB, d time.Duration) float64 {
	b.Helper()
	const insert = `INSERT INTO bundles (sid, kind, account_sid, policy_sid, friendly_name, email, status_callback, status,
		valid_until, errors, created_at, updated_at, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	var inserted atomic.Int64
	start := time.Now()
	group, ctx := errgroup.WithContext(b.Context())
	for range poolSize {
		group.Go(func() error { return insertUntil(ctx, pool, insert, start.Add(d), &inserted) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	return float64(inserted.Load()) / time.Since(start).Seconds()
}

func insertUntil(ctx context.Context, pool *sql.DB, insert string, end time.Time, inserted *atomic.Int64) error {
	for now := time.Now(); now.Before(end); now = time.Now() {
		_, err := pool.ExecContext(ctx, insert, trust.NewSID(trust.BundlePrefix, now), string(trust.TrustProduct), accountSID, policySID, "Acme", email, "",
			string(trust.Draft), 0, "", now.UnixMicro(), now.UnixMicro(), 0)
		if err != nil {
			return err
		}
		inserted.Add(1)
	}
	return nil
}
