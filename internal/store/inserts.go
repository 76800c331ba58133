package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	insertsAtOnce = 4                // statements on their way
	rowsPerInsert = 64               // that share one
	insertLimit   = 30 * time.Second // for a database that does not even end a statement that takes too long
)

// inserts is how Postgres takes new bundles: those that come while as many INSERTs as may be are on their way share the next
// one, and its commit. One that comes alone waits for nobody.
type inserts struct {
	run func(bundles []trust.Bundle) error // in one commit, or not at all

	mu      sync.Mutex
	waiting []*insert
	running int // goroutines that insert; as long as anything waits there is one
}

// insert is one caller's bundle. It is answered when it is on disk, or not at all there.
type insert struct {
	ctx    context.Context //nolint:containedctx // it says whether the caller still waits when its turn comes
	bundle trust.Bundle
	taken  bool // it may be stored from now on
	err    error
	done   chan struct{}
}

// do returns when the bundle is stored. The context bounds the wait; where it ends too late, the error is ErrUncertain.
func (i *inserts) do(ctx context.Context, b trust.Bundle) error {
	mine := &insert{ctx: ctx, bundle: b, done: make(chan struct{})}
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
		if mine.taken {
			return fmt.Errorf("%w: %w", ErrUncertain, ctx.Err())
		}
		return ctx.Err() // and nobody takes it any more
	}
}

// insertAll inserts until nothing waits.
func (i *inserts) insertAll() {
	for batch := i.take(); batch != nil; batch = i.take() {
		i.insert(batch)
	}
}

// take returns who waits, the first come first and without those who have gone; nil, and one goroutine less, if nobody does.
func (i *inserts) take() (batch []*insert) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.waiting) > 0 && len(batch) < rowsPerInsert {
		if first := i.waiting[0]; first.ctx.Err() == nil {
			first.taken = true
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
func (i *inserts) insert(batch []*insert) {
	bundles := make([]trust.Bundle, len(batch))
	for n, one := range batch {
		bundles[n] = one.bundle
	}
	err := i.run(bundles)
	for _, one := range batch {
		if one.err = err; err != nil && len(batch) > 1 && !errors.Is(err, ErrUnavailable) {
			one.err = i.run([]trust.Bundle{one.bundle})
		}
		close(one.done)
	}
}

// insertOne is the statement that stores one bundle.
var insertOne = insertBundlesText(1)

func insertBundlesText(n int) string {
	return insertText("bundles", strings.Fields(strings.ReplaceAll(bundleColumns, ",", " ")), n)
}

// insertBundles stores new bundles in one statement.
func insertBundles(q session, bundles []trust.Bundle) error {
	text := insertOne
	if len(bundles) > 1 {
		text = insertBundlesText(len(bundles))
	}
	var values []any
	for _, b := range bundles {
		values = append(values, b.SID, string(b.Kind), b.AccountSID, b.PolicySID, b.FriendlyName, b.Email, b.StatusCallback,
			string(b.Status), micros(b.ValidUntil), joinCodes(b.Errors), micros(b.Created), micros(b.Updated), micros(b.Due))
	}
	_, err := q.exec(text, values...)
	return err
}
