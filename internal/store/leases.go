package store

import (
	"context"
	"encoding/json"
	"fmt"
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
	TokenErr  error  // why AuthToken, which is empty then, cannot be decrypted
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
	err = s.write(ctx, func(tx session) error {
		leases = nil
		released, err := s.record(tx, reports, now)
		if err != nil {
			return fmt.Errorf("record attempts: %w", err)
		}
		more = released
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
		_, err := s.record(tx, []Report{r}, now)
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
		l.AuthToken, l.TokenErr = s.openToken(g.Queue.AccountSID, l.AuthToken)
		return l, err
	}, `WITH due AS MATERIALIZED (
			SELECT id AS due_id FROM notices
			WHERE due_at > 0 AND `+s.engine.within(`account_sid, channel, endpoint`, `$2, $3, $4`, `due_at`, `0`, `$1`)+`
			LIMIT $5`+s.engine.skipLocked+`)
		UPDATE notices SET state = $6, lease = $7, due_at = 0, leased_until = `+s.engine.now+` + $8
		WHERE id IN (SELECT due_id FROM due)
		RETURNING `+noticeRows.list+`, COALESCE((SELECT auth_token FROM accounts WHERE sid = $2), '')`,
		micros(now), g.Queue.AccountSID, string(g.Queue.Channel), g.Queue.Endpoint, g.Limit,
		string(Sending), token, duration.Microseconds())
}

// reported is what a statement reads of a notice from a JSON list. Each uses some of the fields.
type reported struct {
	ID        string        `json:"id"`
	Lease     string        `json:"lease"`
	BundleSID string        `json:"bundle_sid"`
	Channel   trust.Channel `json:"channel"`
	State     State         `json:"state"`
	Tries     int           `json:"tries"`
	Due       int64         `json:"due_at"`
	Ended     int64         `json:"ended_at"`
}

// follows reports whether r is of the same bundle and channel as another.
func (r reported) follows(other reported) bool {
	return r.BundleSID == other.BundleSID && r.Channel == other.Channel
}

// record stores the reports whose leases are still held, and releases the next notices of their bundles. It reports whether there
// were any. It runs a few statements for any number of reports, because each takes a round trip to Postgres, and if a server is
// killed before the commit, all of these notices are sent again.
func (s *Store) record(tx session, reports []Report, now time.Time) (released bool, err error) {
	for len(reports) > 0 && err == nil {
		var more bool
		once, again := firstOfEach(reports)
		more, err = s.recordOnce(tx, once, now)
		released, reports = released || more, again
	}
	return released, err
}

// firstOfEach divides reports into the first of each notice and the others, which are of other leases.
func firstOfEach(reports []Report) (once, again []Report) {
	seen := map[string]bool{}
	for _, r := range reports {
		if id := r.Lease.Notice.ID; !seen[id] {
			seen[id] = true
			once = append(once, r)
		} else {
			again = append(again, r)
		}
	}
	return once, again
}

// recordOnce is record for reports of different notices.
func (s *Store) recordOnce(tx session, reports []Report, now time.Time) (released bool, err error) {
	rows := make([]reported, len(reports))
	for i, r := range reports {
		n := r.Lease.Notice
		rows[i] = reported{ID: n.ID, Lease: r.Lease.token, BundleSID: n.BundleSID, Channel: n.Channel, State: r.State}
		if r.Attempt.Verdict != "" {
			rows[i].Tries = 1
		}
		if r.State == Ready {
			rows[i].Due = max(micros(r.Due), atOnce)
		} else {
			rows[i].Ended = micros(now)
		}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return false, err
	}
	if err := s.lockEach(tx, string(list)); err != nil {
		return false, err
	}
	// The notices whose leases were held, with the number of the last attempt of each.
	last := map[string]int{}
	err = queryEach(tx, func(row scanner) (a attemptRow, err error) {
		return a, row.Scan(&a.noticeID, &a.number)
	}, func(a attemptRow) bool {
		last[a.noticeID] = a.number
		return true
	}, `UPDATE notices SET state = r.value ->> 'state',
			tries = tries + CAST(r.value ->> 'tries' AS BIGINT), due_at = CAST(r.value ->> 'due_at' AS BIGINT), `+endLease+`,
			ended_at = CAST(r.value ->> 'ended_at' AS BIGINT)
		FROM `+s.engine.list+` AS r WHERE id = r.value ->> 'id' AND lease = r.value ->> 'lease'
		RETURNING id, COALESCE((SELECT MAX(number) FROM attempts WHERE notice_id = id), 0)`, string(list))
	if err != nil || len(last) == 0 {
		return false, err
	}
	if err := s.insertAttempts(tx, reports, last); err != nil {
		return false, err
	}
	return s.arrange(tx, string(list), now)
}

// insertAttempts stores the attempts of the reports on the notices in last, whose numbers count on from the last of each.
func (s *Store) insertAttempts(tx session, reports []Report, last map[string]int) error {
	var rows []attemptRow
	for _, r := range reports {
		id := r.Lease.Notice.ID
		if number, held := last[id]; held && r.Attempt.Verdict != "" {
			rows = append(rows, attemptRow{Attempt: r.Attempt, noticeID: id, number: number + 1})
		}
	}
	return insertMany(s, tx, attemptRows, rows, rowsPerInsert)
}
