package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	insertsAtOnce = 4                // statements on their way
	rowsPerInsert = 64               // that share one
	insertLimit   = 30 * time.Second // for a database that does not even end a statement that takes too long
)

// inserts is how Postgres takes the new rows of a table: those that come while as many INSERTs as may be are on their way share
// the next one, and its commit. One that comes alone waits for nobody.
type inserts[Row any] struct {
	run func(rows []Row) error // in one commit, or not at all

	mu      sync.Mutex
	waiting []*insert[Row]
	running int // goroutines that insert; as long as anything waits there is one
}

// insert is one caller's row. It is done when the row is on disk, or not stored at all.
type insert[Row any] struct {
	ctx     context.Context //nolint:containedctx // it says whether the caller still waits when its turn comes
	row     Row
	started bool // it may be stored from now on
	err     error
	done    chan struct{}
}

// do returns when the row is stored. The context bounds the wait; where it ends too late, the error is ErrUncertain.
func (i *inserts[Row]) do(ctx context.Context, row Row) error {
	mine := &insert[Row]{ctx: ctx, row: row, done: make(chan struct{})}
	i.mu.Lock()
	i.waiting = append(i.waiting, mine)
	if i.running < insertsAtOnce {
		i.running++
		go i.insertAll()
	}
	i.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		i.mu.Lock()
		defer i.mu.Unlock()
		if mine.started {
			return fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
		}
		return ctx.Err() // and nobody takes it any more
	}
}

// insertAll inserts until nothing waits.
func (i *inserts[Row]) insertAll() {
	for batch := i.next(); batch != nil; batch = i.next() {
		i.insert(batch)
	}
}

// take returns who waits, the first come first and without those who have gone; nil, and one goroutine less, if nobody does.
func (i *inserts[Row]) next() (batch []*insert[Row]) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.waiting) > 0 && len(batch) < rowsPerInsert {
		if first := i.waiting[0]; first.ctx.Err() == nil {
			first.started = true
			batch = append(batch, first)
		}
		i.waiting = i.waiting[1:]
	}
	if batch == nil {
		i.running--
	}
	return batch
}

// insert stores a batch and answers it. One that cannot be stored spoils only itself: the others are tried alone.
func (i *inserts[Row]) insert(batch []*insert[Row]) {
	rows := make([]Row, len(batch))
	for n, one := range batch {
		rows[n] = one.row
	}
	err := i.run(rows)
	for _, one := range batch {
		if one.err = err; err != nil && len(batch) > 1 && !errors.Is(err, ErrUnavailable) {
			one.err = i.run([]Row{one.row})
		}
		close(one.done)
	}
}

// insertTogether stores rows whose callers do not know of each other: none of their contexts may end it for the others.
func (r *Resource[Row]) insertTogether(rows []Row) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	return r.store.writeOne(ctx, func(one session) error { return r.table.insert(one, rows...) })
}
