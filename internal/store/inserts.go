package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	insertsAtOnce = 4                // concurrent statements
	rowsPerInsert = 64               // in one statement
	insertLimit   = 30 * time.Second // in case the database does not enforce its own statement timeout
)

// inserts batches the new rows of a table on Postgres: while the maximum of INSERTs is running, further rows wait and share the
// next INSERT and its commit. A single row does not wait.
type inserts[Row any] struct {
	run func(rows []Row) error // in one commit, or not at all

	mu      sync.Mutex
	waiting []*insert[Row]
	running int // goroutines that insert; at least one while anything waits
}

// insert is one caller's row. It is done when the row is on disk, or not stored at all.
type insert[Row any] struct {
	ctx     context.Context //nolint:containedctx // to see whether the caller still waits when its turn comes
	row     Row
	started bool // the row may be stored from now on
	err     error
	done    chan struct{}
}

// do returns when the row is stored. The context bounds the wait; if it ends after the INSERT has started, do returns
// ErrUncertain.
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
		return ctx.Err() // and it will not be inserted
	}
}

// insertAll inserts until no row waits.
func (i *inserts[Row]) insertAll() {
	for batch := i.next(); batch != nil; batch = i.next() {
		i.insert(batch)
	}
}

// next returns the next batch without inserts whose callers have given up. If nothing waits, it returns nil and counts the
// goroutine as ended.
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

// insert stores a batch and reports the result to each caller. If it fails, each row is tried alone.
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

// insertTogether stores rows of unrelated callers. It uses none of their contexts, so that no caller can cancel it for the
// others.
func (r *Resource[Row]) insertTogether(rows []Row) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	statement, values := r.table.insertOne, r.table.values
	if len(rows) > 1 { // for one row arrays take longer
		statement, values = r.table.insertArrays, r.table.arrays
	}
	_, err := r.store.exec(ctx, statement, values(rows)...)
	return err
}

// insertMany stores any number of new rows. On Postgres, where each statement is a round trip, they share one. On SQLite a
// statement stores atOnce rows, which is a power of two, then half as many, and so on, so that few texts are prepared.
func insertMany[Row any](s *Store, tx session, t *table[Row], rows []Row, atOnce int) error {
	if s.batches == nil && len(rows) > 1 {
		_, err := tx.exec(t.insertArrays, t.arrays(rows)...)
		return err
	}
	for n := atOnce; n > 0; n /= 2 {
		for len(rows) >= n {
			if err := t.insert(tx, rows[:n]...); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

// arrays returns an array for each column with its values in rows. On Postgres they are parameters that give a statement one text
// for any number of rows, so that it is parsed and planned once on each connection.
func (t *table[Row]) arrays(rows []Row) []any {
	arrays := make([]any, len(t.fields))
	for i, c := range t.fields {
		if c.isNumber() {
			arrays[i] = valuesOf[int64](c, rows)
		} else {
			arrays[i] = valuesOf[string](c, rows)
		}
	}
	return arrays
}

func valuesOf[Kept string | int64, Row any](c column[Row], rows []Row) []Kept {
	values := make([]Kept, len(rows))
	for i := range rows {
		values[i] = c.value(&rows[i]).(Kept) //nolint:forcetypeassert // the column's type says which it is
	}
	return values
}

// arrayParameters returns the parameters for t.arrays, such as $1::TEXT[], $2::BIGINT[]; first is the number of the first.
func (t *table[Row]) arrayParameters(first int) string {
	parameters := make([]string, len(t.fields))
	for i, c := range t.fields {
		parameters[i] = `$` + strconv.Itoa(first+i) + `::TEXT[]`
		if c.isNumber() {
			parameters[i] = `$` + strconv.Itoa(first+i) + `::BIGINT[]`
		}
	}
	return strings.Join(parameters, `, `)
}
