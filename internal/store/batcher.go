package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

const (
	maxBatch   = 256  // writes that share a transaction
	maxWaiting = 4096 // writes that wait for one; more wait outside
)

// batcher is SQLite's one writer. It runs all writes that are waiting in one transaction, syncs once, and then answers all
// of them. Under load that makes a write cost a fraction of a sync; a write that comes alone is run alone and waits for
// nobody. Each write has a savepoint, so that one which fails spoils only itself.
type batcher struct {
	waiting chan *write
	closing chan struct{}
	closed  sync.WaitGroup
	once    sync.Once
	run     *prepared
	passes  func(error) bool // after such an error SQLite may have rolled the whole transaction back
}

// write is one caller's transaction. It is answered when it is on disk, or not at all there.
type write struct {
	ctx    context.Context //nolint:containedctx // it says whether the caller still waits when its turn comes
	fn     func(session) error
	single bool // one statement, which fails as a whole or not at all, and so needs no savepoint
	err    error
	done   chan struct{}
}

func newBatcher(ctx context.Context, db *sql.DB, passes func(error) bool) (*batcher, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	b := &batcher{
		waiting: make(chan *write, maxWaiting),
		closing: make(chan struct{}),
		run:     &prepared{conn: conn, statements: map[string]*sql.Stmt{}},
		passes:  passes,
	}
	b.closed.Go(b.loop)
	return b, nil
}

// do waits for fn's turn, runs it, and returns when it is on disk. The context bounds the wait for the turn; a write that
// has begun takes milliseconds and is waited for.
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

// close lets the present batch end. Writes that still wait are not made.
func (b *batcher) close() error {
	var err error
	b.once.Do(func() {
		close(b.closing)
		b.closed.Wait()
		err = b.run.close()
	})
	return err
}

func (b *batcher) loop() {
	for {
		select {
		case <-b.closing:
			return
		case w := <-b.waiting:
			b.commit(b.gather(w))
		}
	}
}

// gather takes what is waiting behind the first.
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

// commit runs a batch and answers it.
func (b *batcher) commit(batch []*write) {
	q := session{context.Background(), b.run}
	err := b.inTransaction(q, batch)
	for _, w := range batch {
		if err != nil { // a refusal, too, may rest on what was not committed
			w.err = err
		}
		close(w.done)
	}
}

// inTransaction returns the error that all writes share: nothing of the batch was kept.
func (b *batcher) inTransaction(q session, batch []*write) error {
	if _, err := q.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	for _, w := range batch {
		if w.err = w.ctx.Err(); w.err == nil {
			if broken := b.runOne(w, q); broken != nil {
				return errors.Join(broken, rollback(q))
			}
		}
	}
	if _, err := q.exec(`COMMIT`); err != nil {
		return errors.Join(err, rollback(q))
	}
	return nil
}

// runOne runs one write. What fn answers is w.err; what is returned means that the whole transaction is broken.
func (b *batcher) runOne(w *write, q session) (broken error) {
	if w.single {
		if w.err = runSafely(w.fn, q); w.err != nil && b.passes(w.err) {
			return w.err
		}
		return nil
	}
	if _, err := q.exec(`SAVEPOINT one`); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if w.err = runSafely(w.fn, q); w.err != nil {
		if _, err := q.exec(`ROLLBACK TO one`); err != nil {
			return fmt.Errorf("roll back to savepoint: %w", err)
		}
	}
	if _, err := q.exec(`RELEASE one`); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	return nil
}

func rollback(q session) error {
	_, err := q.exec(`ROLLBACK`)
	return err
}
