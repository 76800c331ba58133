package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	growthGoal     = 1.2
	updateGoal     = 1.5 // an update reads and writes the pages of its product, wherever they are
	smallSize      = 1000
	sampled        = 20_000 // products of the large database to update: on more pages than its cache holds
	growthUpdates  = 2 * smallSize
	growthTurns    = 5    // for each of the rounds
	growthWarmUp   = 2000 // updates, so that the small database's log also has had its first checkpoint
	createsName    = "create"
	updatesName    = "update"
	growthWhat     = "%s, %d connections: %s with %s products, of that with %s"
	percentMedian  = 0.5
	percentHighest = 0.99
)

// growth is figure 4: a small and a large database get the same load alternately. The small one is made again for each turn,
// because it grows.
func (b *bench) growth(ctx context.Context) (_ []row, err error) {
	full, err := b.filled()
	if err != nil {
		return nil, err
	}
	large, err := b.openLarge(ctx, full.database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, large.close()) }()
	turns := b.Rounds * growthTurns
	step := b.progress("turns, with a small database and with the large one", turns)
	var with, without grown
	for turn := range turns {
		small, err := b.openSmall(ctx, fmt.Sprintf("small%d.db", turn))
		if err != nil {
			return nil, err
		}
		order := []func() error{
			func() error { return b.grow(ctx, large, &with) },
			func() error { return b.grow(ctx, small, &without) },
		}
		first := turn % 2
		if err := errors.Join(order[first](), order[1-first](), small.close()); err != nil {
			return nil, err
		}
		step()
	}
	return append(b.growthRows(createsName, full.products, with.creates, without.creates),
		b.growthRows(updatesName, full.products, with.updates, without.updates)...), nil
}

// grown has the latencies of one of the databases.
type grown struct{ creates, updates []time.Duration }

// stocked is a server with some of its products.
type stocked struct {
	*local
	sids []string
}

func (b *bench) grow(ctx context.Context, s *stocked, all *grown) error {
	created, err := creates(s.address, b.Connections).times(ctx, smallSize)
	if err != nil {
		return err
	}
	updated, err := updates(s.address, b.Connections, s.sids).times(ctx, growthUpdates)
	all.creates, all.updates = append(all.creates, created.latencies...), append(all.updates, updated.latencies...)
	return err
}

func (b *bench) openSmall(ctx context.Context, name string) (*stocked, error) {
	s, err := serveDatabase(ctx, b.path(name), durable)
	if err != nil {
		return nil, err
	}
	if _, err := creates(s.address, b.Connections).times(ctx, smallSize); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return b.warm(ctx, s, b.path(name))
}

func (b *bench) openLarge(ctx context.Context, database string) (*stocked, error) {
	s, err := serveDatabase(ctx, database, durable)
	if err != nil {
		return nil, err
	}
	return b.warm(ctx, s, database)
}

func (b *bench) warm(ctx context.Context, s *local, database string) (*stocked, error) {
	sids, err := someProducts(ctx, database, sampled)
	if err == nil {
		_, err = updates(s.address, b.Connections, sids).times(ctx, growthWarmUp)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return &stocked{s, sids}, nil
}

// someProducts returns SIDs of drafts from the whole database.
func someProducts(ctx context.Context, database string, atMost int) (sids []string, err error) {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT sid FROM bundles WHERE kind = 'trust-product' AND status = 'draft'
		ORDER BY random() LIMIT $1`, atMost)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below reports a failed read
	for rows.Next() {
		var sid string
		if err := rows.Scan(&sid); err != nil {
			return nil, err
		}
		sids = append(sids, sid)
	}
	return sids, rows.Err()
}

func (b *bench) growthRows(operation string, products int, with, without []time.Duration) []row {
	goal := growthGoal
	if operation == updatesName {
		goal = updateGoal
	}
	line := func(q float64, name string) row {
		large, small := quantile(with, q), quantile(without, q)
		ratio := float64(large) / float64(small)
		return row{
			what:    fmt.Sprintf(growthWhat, operation, b.Connections, name, thousands(products), thousands(smallSize)),
			reached: fmt.Sprintf("%s of %s", short(large), short(small)),
			ratio:   fmt.Sprintf("%.2f", ratio), goal: fmt.Sprintf("at most %.1f", goal),
			verdict: judge(ratio <= goal),
		}
	}
	rows := []row{line(percentMedian, "median"), line(percentHighest, "p99")}
	if operation == createsName {
		rows[0].number = "4"
	}
	return rows
}
