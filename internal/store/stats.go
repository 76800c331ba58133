package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Stats is what a Store has done since it was opened, and the state of its connections.
type Stats struct {
	StatusChanges map[StatusChange]int64
	Batches       int64                  // commits of batches of writes, on SQLite
	BatchedWrites int64                  // writes in them
	LogBytes      int64                  // the size of SQLite's write-ahead log
	Pools         map[string]sql.DBStats // by name
}

// StatusChange is a kind of change that bundles have.
type StatusChange struct {
	Kind     trust.Kind
	From, To trust.Status
}

// Stats returns the statistics. It is cheap: it asks no database.
func (s *Store) Stats() Stats {
	stats := Stats{
		StatusChanges: s.changes.all(),
		Pools:         map[string]sql.DBStats{"write": s.writer.Stats(), "authenticate": s.auth.Stats()},
	}
	if s.reader != s.writer {
		stats.Pools["read"] = s.reader.Stats()
	}
	if s.batches != nil {
		stats.Batches, stats.BatchedWrites = s.batches.committed.Load(), s.batches.written.Load()
	}
	if s.file != nil {
		stats.LogBytes = s.file.logBytes()
	}
	return stats
}

// logBytes returns the size of the write-ahead log, 0 if it cannot be found.
func (f *file) logBytes() int64 {
	info, err := os.Stat(f.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// changes counts the changes of statuses that were committed.
type changes struct {
	mu     sync.Mutex
	counts map[StatusChange]int64
}

// add counts the changes of an outcome that was committed.
func (c *changes) add(outcome trust.Outcome) {
	for _, e := range outcome.Events {
		if e.From == e.To {
			continue
		}
		c.mu.Lock()
		if c.counts == nil {
			c.counts = map[StatusChange]int64{}
		}
		c.counts[StatusChange{outcome.Bundle.Kind, e.From, e.To}]++
		c.mu.Unlock()
	}
}

func (c *changes) all() map[StatusChange]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Backlog is what has not been delivered.
type Backlog struct {
	Open      int       // notices that have not ended, at most the limit
	OldestDue time.Time // since when the notice that is overdue the longest has been due; zero if none is
}

// Backlog returns what is not delivered at now. It counts up to limit notices in an index.
func (s *Store) Backlog(ctx context.Context, now time.Time, limit int) (Backlog, error) {
	var b Backlog
	var err error
	if b.Open, err = s.count(ctx, statement{text: `SELECT 1 FROM notices WHERE ended_at = 0`}, limit); err != nil {
		return Backlog{}, err
	}
	var due, created int64
	err = s.read(ctx).row(`SELECT due_at, created_at FROM notices WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT 1`,
		micros(now)).Scan(&due, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return b, nil
	}
	b.OldestDue = fromMicros(max(due, created)) // due may be atOnce
	return b, s.classify(err)
}
