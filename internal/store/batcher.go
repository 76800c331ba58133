package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	maxBatch   = 256  // writes that share a transaction
	maxWaiting = 4096 // writes that wait for one; more wait outside
)

// batcher is SQLite's only writer. It runs all waiting writes in one transaction, syncs once, and then returns to all callers.
// Under load a write costs a fraction of a sync; a single write does not wait for others. If the database itself fails, the whole
// batch fails.
//
// A write that fails does not affect the others. If it has changed something, the batch is rolled back and runs again, each write
// with a savepoint. Savepoints cost two statements and a copy of each page that is changed, so writes should fail before that.
type batcher struct {
	waiting chan *write
	closing chan struct{}
	closed  sync.WaitGroup
	once    sync.Once
	db      *sql.DB
	run     *prepared        // nil after a connection was discarded
	passes  func(error) bool // after such an error SQLite may have rolled the whole transaction back

	committed, written atomic.Int64 // batches, and the writes in them
}

// write is one caller's transaction. It is done when it is on disk, or has failed as a whole.
type write struct {
	ctx    context.Context //nolint:containedctx // it says whether the caller still waits when its turn comes
	fn     func(session) error
	single bool // one statement, which fails as a whole or not at all, and so has nothing to undo
	err    error
	done   chan struct{}
}

func newBatcher(ctx context.Context, db *sql.DB, passes func(error) bool) (*batcher, error) {
	b := &batcher{
		waiting: make(chan *write, maxWaiting),
		closing: make(chan struct{}),
		db:      db,
		passes:  passes,
	}
	if err := b.connect(ctx); err != nil {
		return nil, err
	}
	b.closed.Go(b.loop)
	return b, nil
}

// connect opens a connection unless there already is one.
func (b *batcher) connect(ctx context.Context) error {
	if b.run != nil {
		return nil
	}
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return err
	}
	b.run = &prepared{conn: conn, statements: map[string]*sql.Stmt{}}
	// A savepoint keeps a copy of each page that is changed after it. Without this, SQLite writes the copies to a file if there
	// are more than a few.
	_, err = session{ctx, b.run}.exec(`PRAGMA temp_store = MEMORY`)
	return err
}

// do waits for fn's turn, runs it, and returns when it is on disk. The context bounds the wait for the turn; a write that
// has started takes milliseconds and is not interrupted.
func (b *batcher) do(ctx context.Context, single bool, fn func(session) error) error {
	w := &write{ctx: ctx, fn: fn, single: single, done: make(chan struct{})}
	select {
	case b.waiting <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closing:
		return sql.ErrConnDone
	}
	select {
	case <-w.done:
		return w.err
	case <-b.closing:
		b.closed.Wait() // it may have been the last one to run
		select {
		case <-w.done:
			return w.err
		default:
			return sql.ErrConnDone
		}
	}
}

// close waits for the current batch. Writes that are still waiting are not run.
func (b *batcher) close() error {
	var err error
	b.once.Do(func() {
		close(b.closing)
		b.closed.Wait()
		if b.run != nil {
			err = b.run.close()
		}
	})
	return err
}

func (b *batcher) loop() {
	for {
		select {
		case <-b.closing:
			return
		case w := <-b.waiting:
			runtime.Gosched() // what is about to write can still join the batch; without load it returns at once
			b.commit(b.gather(w))
		}
	}
}

// gather returns the first write and those that are waiting behind it.
func (b *batcher) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case w := <-b.waiting:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch and reports the result to each caller.
func (b *batcher) commit(batch []*write) {
	late, err := b.transact(batch, false)
	if late && len(batch) > 1 {
		_, err = b.transact(batch, true)
	}
	if err == nil {
		b.committed.Add(1)
		b.written.Add(int64(len(batch)))
	}
	for _, w := range batch {
		if err != nil { // even a refusal may depend on writes that were not committed
			w.err = err
		}
		close(w.done)
	}
}

// transact runs a batch in a transaction. An error means that nothing of the batch was kept, and late that it is only the error
// of one write without a savepoint, which had changed something.
func (b *batcher) transact(batch []*write, savepoints bool) (late bool, err error) {
	ctx := context.Background()
	if err := b.connect(ctx); err != nil {
		return false, err
	}
	q := session{ctx, b.run}
	if late, err = b.runAll(batch, q, savepoints); err != nil {
		b.rollback(q)
	}
	return late, err
}

// runAll runs a batch from BEGIN to COMMIT. It returns as transact does, but does not roll back.
func (b *batcher) runAll(batch []*write, q session, savepoints bool) (late bool, err error) {
	if _, err := q.exec(`BEGIN IMMEDIATE`); err != nil {
		return false, err
	}
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err != nil {
			continue
		}
		if savepoints && !w.single {
			err = b.runWithSavepoint(w, q)
		} else {
			late, err = b.runOne(w, q)
		}
		if err != nil {
			return late, err
		}
	}
	_, err = q.exec(`COMMIT`)
	return false, err
}

// runOne runs one write and stores its error in w.err. It returns the error, too, if the whole transaction must be rolled back:
// late if only to undo what the write has changed.
func (b *batcher) runOne(w *write, q session) (late bool, broken error) {
	b.run.changed = false
	w.err = runSafely(w.fn, q)
	switch {
	case w.err == nil:
		return false, nil
	case b.passes(w.err):
		return false, w.err
	case b.run.changed && !w.single:
		return true, w.err
	}
	return false, nil
}

// runWithSavepoint runs one write, undoes it if it fails, and stores its error in w.err. It returns an error if the whole
// transaction is broken.
func (b *batcher) runWithSavepoint(w *write, q session) (broken error) {
	if _, err := q.exec(`SAVEPOINT one`); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	w.err = runSafely(w.fn, q)
	switch {
	case w.err != nil && b.passes(w.err):
		return w.err // SQLite may have rolled back everything: returning to the savepoint would fail and hide this error
	case w.err != nil:
		if _, err := q.exec(`ROLLBACK TO one`); err != nil {
			// w.err is included as text only: callers must not mistake another caller's error for their own.
			return fmt.Errorf("%w: roll back to savepoint: %w, after: %s", ErrUnavailable, err, w.err.Error())
		}
	}
	if _, err := q.exec(`RELEASE one`); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	return nil
}

// rollback ends the transaction. If that fails, usually because SQLite has already done it, the state of the connection is
// unknown: rollback closes it, and the next transaction opens another.
func (b *batcher) rollback(q session) {
	if _, err := q.exec(`ROLLBACK`); err != nil {
		b.run.discard()
		b.run = nil
	}
}
