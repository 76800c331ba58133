package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Queue is what one account has to tell one endpoint.
type Queue struct {
	AccountSID string
	Channel    trust.Channel
	Endpoint   string
}

// Grant is a queue with the number of its notices that a worker takes.
type Grant struct {
	Queue Queue
	Limit int
}

// Line is what one account has to tell over one channel.
type Line struct {
	AccountSID string
	Channel    trust.Channel
}

// DueQueues returns the queues of the notices that have been due for the longest at now, with the number of those notices, and
// whether these are all that are due. It reads up to limit notices, however many are open.
func (s *Store) DueQueues(ctx context.Context, now time.Time, limit int) (due []Grant, all bool, err error) {
	return s.dueQueues(ctx, `due_at <= $1 ORDER BY due_at LIMIT $2`, limit, micros(now), limit)
}

// DueQueuesOf is DueQueues for one account and channel.
func (s *Store) DueQueuesOf(ctx context.Context, l Line, now time.Time, limit int) (due []Grant, all bool, err error) {
	return s.dueQueues(ctx, s.engine.within(`account_sid, channel`, `$1, $2`, `due_at`, `0`, `$3`)+` LIMIT $4`, limit,
		l.AccountSID, string(l.Channel), micros(now), limit)
}

func (s *Store) dueQueues(ctx context.Context, condition string, limit int, args ...any) (due []Grant, all bool, err error) {
	due, err = queryAll(s.read(ctx), func(row scanner) (Grant, error) {
		var g Grant
		var channel string
		err := row.Scan(&g.Queue.AccountSID, &channel, &g.Queue.Endpoint, &g.Limit)
		g.Queue.Channel = trust.Channel(channel)
		return g, err
	}, `SELECT account_sid, channel, endpoint, COUNT(*)
		FROM (SELECT account_sid, channel, endpoint FROM notices WHERE due_at > 0 AND `+condition+`) AS due
		GROUP BY account_sid, channel, endpoint ORDER BY account_sid, channel, endpoint`, args...)
	if err != nil {
		return nil, false, s.classify(err)
	}
	count := 0
	for _, g := range due {
		count += g.Limit
	}
	return due, count < limit, nil
}

// DueLines returns the accounts and channels that something is due over at now. Its cost grows with the number of accounts that
// have anything to tell, now or later, and not with that of their notices: each step looks up one in an index.
func (s *Store) DueLines(ctx context.Context, now time.Time) ([]Line, error) {
	lines, err := queryAll(s.read(ctx), func(row scanner) (Line, error) {
		var l Line
		var channel string
		err := row.Scan(&l.AccountSID, &channel)
		l.Channel = trust.Channel(channel)
		return l, err
	}, `WITH RECURSIVE accounts_of (sid) AS (
			SELECT (SELECT account_sid FROM notices WHERE due_at > 0 ORDER BY account_sid LIMIT 1)
			UNION ALL
			SELECT (SELECT n.account_sid FROM notices n WHERE n.due_at > 0 AND n.account_sid > accounts_of.sid
				ORDER BY n.account_sid LIMIT 1)
			FROM accounts_of WHERE accounts_of.sid IS NOT NULL
		)
		SELECT sid, channel FROM accounts_of CROSS JOIN (SELECT 'callback' AS channel UNION ALL SELECT 'email') AS channels
		WHERE sid IS NOT NULL AND (SELECT due_at FROM notices WHERE due_at > 0 AND `+
		s.engine.within(`account_sid, notices.channel`, `sid, channels.channel`, `due_at`, `0`, `$1`)+` LIMIT 1) IS NOT NULL`,
		micros(now))
	return lines, s.classify(err)
}

// DueEndpoints looks at up to limit of the account's endpoints, in the order of their names and behind the one called after. It
// returns those that something is due to at now, and the last that it looked at, empty behind the last of all.
func (s *Store) DueEndpoints(
	ctx context.Context, l Line, after string, limit int, now time.Time,
) (due []string, last string, err error) {
	type endpoint struct {
		name string
		due  bool
	}
	next := func(above string) string {
		return `SELECT notices.endpoint FROM notices WHERE due_at > 0 AND ` +
			s.engine.within(`account_sid, channel`, `$1, $2`, `notices.endpoint`, above, ``) + ` LIMIT 1`
	}
	all, err := queryAll(s.read(ctx), func(row scanner) (e endpoint, err error) {
		return e, row.Scan(&e.name, &e.due)
	}, `WITH RECURSIVE names (endpoint, number) AS (
			SELECT (`+next(`$3`)+`), 1
			UNION ALL
			SELECT (`+next(`names.endpoint`)+`), number + 1
			FROM names WHERE names.endpoint IS NOT NULL AND number < $4
		)
		SELECT endpoint, (SELECT due_at FROM notices WHERE due_at > 0 AND `+
		s.engine.within(`account_sid, channel, notices.endpoint`, `$1, $2, names.endpoint`, `due_at`, `0`, `$5`)+` LIMIT 1)
			IS NOT NULL
		FROM names WHERE endpoint IS NOT NULL`, l.AccountSID, string(l.Channel), after, limit, micros(now))
	if err != nil {
		return nil, "", s.classify(err)
	}
	for _, e := range all {
		if e.due {
			due = append(due, e.name)
		}
	}
	if len(all) == limit {
		last = all[limit-1].name
	}
	return due, last, nil
}

// NextDue returns when the next notice becomes due after now, zero if none does.
func (s *Store) NextDue(ctx context.Context, now time.Time) (time.Time, error) {
	var due sql.NullInt64
	err := s.read(ctx).row(`SELECT MIN(due_at) FROM notices WHERE due_at > 0 AND due_at > $1`, micros(now)).Scan(&due)
	return fromMicros(due.Int64), s.classify(err)
}

// EndLeases lets anyone take the notices whose leases have run out. Until someone does, who had the lease may still report.
func (s *Store) EndLeases(ctx context.Context) error {
	const where = ` FROM notices WHERE leased_until > 0 AND leased_until <= `
	ended, err := queryAll(s.read(ctx), scanString, `SELECT id`+where+s.engine.now+` LIMIT 1`)
	if err != nil || len(ended) == 0 {
		return s.classify(err)
	}
	_, err = s.exec(ctx, `WITH ended AS MATERIALIZED (SELECT id AS ended_id`+where+s.engine.now+s.engine.skipLocked+`)
		UPDATE notices SET due_at = $1, leased_until = 0 WHERE id IN (SELECT ended_id FROM ended)`, atOnce)
	if err != nil {
		return fmt.Errorf("end leases: %w", err)
	}
	return nil
}
