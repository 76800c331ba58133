package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// atOnce is the due_at of a notice that is due by every server's clock.
const atOnce = 1

// Lease is the right to send a notice and to report the result, until it expires or another worker has it. It expires by the
// clock of the database, which all servers share.
type Lease struct {
	Notice    trust.Notice
	Tries     int    // attempts before this one, since the notice was created or replayed
	AuthToken string // of the notice's account
	Queue     Queue
	token     string
}

// Report is the result of a lease.
type Report struct {
	Lease   Lease
	Attempt trust.Attempt // zero if none was made
	State   State         // Ready for another attempt, or a final state
	Due     time.Time     // of that attempt; zero means at once, by every server's clock
}

// RecordAndLease records reports and leases notices that are due at now of the queues in grants, in one transaction. It returns
// the leases, and whether a report made another notice due.
//
// A report is ignored if its lease has passed to another worker, or its notice was dropped or replayed.
func (s *Store) RecordAndLease(
	ctx context.Context, reports []Report, grants []Grant, now time.Time, duration time.Duration,
) (leases []Lease, more bool, err error) {
	// All servers use one order, so that their transactions do not deadlock.
	reports = slices.SortedFunc(slices.Values(reports), func(a, b Report) int {
		return strings.Compare(a.Lease.Notice.BundleSID, b.Lease.Notice.BundleSID)
	})
	err = s.write(ctx, func(tx session) error {
		leases, more = nil, false
		for _, report := range reports {
			released, err := s.record(tx, report, now)
			if err != nil {
				return fmt.Errorf("record an attempt: %w", err)
			}
			more = more || released
		}
		for _, grant := range grants {
			taken, err := s.lease(tx, grant, now, duration)
			if err != nil {
				return fmt.Errorf("lease notices: %w", err)
			}
			leases = append(leases, taken...)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return leases, more, nil
}

// Record records one report.
func (s *Store) Record(ctx context.Context, r Report, now time.Time) error {
	return s.write(ctx, func(tx session) error {
		_, err := s.record(tx, r, now)
		return err
	})
}

// FirstAttemptsNow makes notices due that have not been tried yet and are due after now. They were queued by a clock that was
// ahead of this one, or that was set back since.
func (s *Store) FirstAttemptsNow(ctx context.Context, now time.Time) error {
	const condition = ` WHERE due_at > 0 AND due_at > $1 AND state = 'ready' AND tries = 0`
	late, err := queryAll(s.read(ctx), scanString, `SELECT id FROM notices`+condition+` LIMIT 1`, micros(now))
	if err != nil || len(late) == 0 {
		return s.classify(err)
	}
	_, err = s.exec(ctx, `UPDATE notices SET due_at = $1`+condition, micros(now))
	return err
}

// lease leases the notices of a queue that have been due for the longest, with one token.
func (s *Store) lease(tx session, g Grant, now time.Time, duration time.Duration) ([]Lease, error) {
	token := trust.NewAuthToken()
	return queryAll(tx, func(row scanner) (Lease, error) {
		l := Lease{Queue: g.Queue, token: token}
		n, err := noticeRows.scanWith(row, &l.AuthToken)
		l.Notice, l.Tries = n.Notice, n.tries
		return l, err
	}, `WITH due AS MATERIALIZED (
			SELECT id AS due_id FROM notices
			WHERE due_at > 0 AND due_at <= $1 AND account_sid = $2 AND channel = $3 AND endpoint = $4
			ORDER BY due_at LIMIT $5`+s.engine.skipLocked+`)
		UPDATE notices SET state = $6, lease = $7, due_at = 0, leased_until = `+s.engine.now+` + $8
		WHERE id IN (SELECT due_id FROM due)
		RETURNING `+noticeRows.list+`, COALESCE((SELECT auth_token FROM accounts WHERE sid = account_sid), '')`,
		micros(now), g.Queue.AccountSID, string(g.Queue.Channel), g.Queue.Endpoint, g.Limit,
		string(Sending), token, duration.Microseconds())
}

// record stores a report if its lease is still held, and releases the bundle's next notice if this one has ended. It reports
// whether there was a next one.
func (s *Store) record(tx session, r Report, now time.Time) (released bool, err error) {
	n := r.Lease.Notice
	if err := s.lockBundle(tx, n.BundleSID); err != nil {
		return false, err
	}
	a := r.Attempt
	tries, due, ended := 0, int64(0), int64(0)
	if a.Verdict != "" {
		tries = 1
	}
	if r.State == Ready {
		due = max(micros(r.Due), atOnce)
	} else {
		ended = micros(now)
	}
	held, err := tx.exec(`UPDATE notices SET state = $1, tries = tries + $2, due_at = $3, `+endLease+`, ended_at = $4
		WHERE id = $5 AND lease = $6`, string(r.State), tries, due, ended, n.ID, r.Lease.token)
	if err != nil || held == 0 {
		return false, err
	}
	if a.Verdict != "" {
		_, err = attemptRows.execInsert(tx, insertAttempt, attemptRow{Attempt: a, noticeID: n.ID, number: 1})
		if err != nil {
			return false, err
		}
	}
	return arrange(tx, n.BundleSID, n.Channel, now)
}
