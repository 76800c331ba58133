package store

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// writeInterval is how long what became of a write for Health is taken for the present state.
const writeInterval = 3 * time.Second

// Health reports whether the database can be used: it answers, its schema serves this program, and on SQLite the file is the one
// that was opened and takes writes. That is tried with a commit, but not more often than once in writeInterval, so that nobody
// can make the disk busy by asking.
func (s *Store) Health(ctx context.Context, now time.Time) error {
	if s.file != nil {
		if err := s.file.check(); err != nil {
			return err
		}
	}
	if err := s.checkSchema(ctx); err != nil {
		return s.classify(err)
	}
	if s.file == nil {
		return nil
	}
	return s.writes.check(ctx, now, func() error {
		// It writes a page that is always there, and changes nothing: this program leaves the number at 0.
		_, err := s.exec(context.WithoutCancel(ctx), `PRAGMA user_version = 0`)
		return err
	})
}

// lastWrite remembers what became of a write.
type lastWrite struct {
	once  singleflight.Group // of all who ask at a time one writes; it also keeps what follows to one at a time
	tried time.Time
	err   error
}

// check returns what write does now, or did within writeInterval. The context bounds the wait, not the write.
func (l *lastWrite) check(ctx context.Context, now time.Time, write func() error) error {
	result := l.once.DoChan("", func() (any, error) {
		if now.Sub(l.tried).Abs() >= writeInterval {
			l.tried, l.err = now, write()
		}
		return nil, l.err
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
