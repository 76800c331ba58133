package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// atOnce is the due_at of a notice whose time has come by every server's clock.
const atOnce = 1

// Lease is the right to send a notice and to report on it, until it ends or another worker has it. It ends by the clock of the
// database, which all servers share.
type Lease struct {
	Notice    trust.Notice
	Tries     int    // attempts before this one, since the notice was made or replayed
	AuthToken string // of the notice's account
	Endpoint  string
	token     string
}

// Report is what came of a lease.
type Report struct {
	Lease   Lease
	Attempt trust.Attempt // zero: none is recorded nor counted
	State   State         // Ready for another attempt, or an end
	Due     time.Time     // of that attempt; zero: at once, by every server's clock
}

// Exchange records reports and leases what is due at now, in one transaction. It asks room how many more notices of an
// endpoint the worker can take, and returns the leases and when the next notice will be due that was not leased for its
// time had not come (zero: none).
//
// A report is ignored whose lease has gone to another worker, or whose notice was dropped or replayed meanwhile.
func (s *Store) Exchange(
	ctx context.Context, reports []Report, room func(endpoint string) int, now time.Time, duration time.Duration,
) (leases []Lease, next time.Time, err error) {
	// In one order everywhere, so that two servers' transactions do not wait for each other.
	reports = slices.SortedFunc(slices.Values(reports), func(a, b Report) int {
		return strings.Compare(a.Lease.Notice.ProductSID, b.Lease.Notice.ProductSID)
	})
	err = s.write(ctx, func(tx session) error {
		for _, report := range reports {
			if err := s.record(tx, report, now); err != nil {
				return fmt.Errorf("record an attempt: %w", err)
			}
		}
		leases, next, err = s.leaseDue(tx, room, now, duration)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return leases, next, nil
}

// Record is Exchange for one report, without new leases.
func (s *Store) Record(ctx context.Context, r Report, now time.Time) error {
	return s.write(ctx, func(tx session) error { return s.record(tx, r, now) })
}

// leaseDue leases what is due of each endpoint.
func (s *Store) leaseDue(
	tx session, room func(endpoint string) int, now time.Time, duration time.Duration,
) (leases []Lease, next time.Time, err error) {
	if err := s.endLeases(tx); err != nil {
		return nil, time.Time{}, fmt.Errorf("end leases: %w", err)
	}
	all, err := endpoints(tx)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("list endpoints: %w", err)
	}
	for _, e := range all {
		if e.due.After(now) {
			if next.IsZero() || e.due.Before(next) {
				next = e.due
			}
			continue
		}
		limit := room(e.name)
		if limit <= 0 {
			continue
		}
		taken, err := s.lease(tx, e.name, limit, now, duration)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("lease notices: %w", err)
		}
		leases = append(leases, taken...)
	}
	return leases, next, nil
}

// endLeases lets anyone take the notices whose leases have run out. Until someone does, who had the lease may still report.
func (s *Store) endLeases(tx session) error {
	_, err := tx.exec(`WITH ended AS MATERIALIZED (
			SELECT id AS ended_id FROM notices WHERE leased_until > 0 AND leased_until <= `+s.engine.now+s.engine.skipLocked+`)
		UPDATE notices SET due_at = $1, leased_until = 0 WHERE id IN (SELECT ended_id FROM ended)`, atOnce)
	return err
}

// FirstAttemptsNow makes those notices due that have not been tried yet and are due after now only because they were queued by a
// clock that was ahead of this one, or that has been set back since.
func (s *Store) FirstAttemptsNow(ctx context.Context, now time.Time) error {
	return s.write(ctx, func(tx session) error {
		_, err := tx.exec(`UPDATE notices SET due_at = $1
			WHERE due_at > 0 AND due_at > $2 AND state = 'ready' AND tries = 0`, micros(now), micros(now))
		return err
	})
}

// endpoint is someone to contact, for whom something is open.
type endpoint struct {
	name string
	due  time.Time // of the earliest notice that nobody is sending
}

// endpoints returns all that have such a notice. Its cost grows with their number, not with that of the notices: each step of the
// recursion looks up the next name in the index.
func endpoints(tx session) ([]endpoint, error) {
	const query = `WITH RECURSIVE names (endpoint) AS (
			SELECT (SELECT endpoint FROM notices WHERE due_at > 0 ORDER BY endpoint LIMIT 1)
			UNION ALL
			SELECT (SELECT n.endpoint FROM notices n WHERE n.due_at > 0 AND n.endpoint > names.endpoint
				ORDER BY n.endpoint LIMIT 1)
			FROM names WHERE names.endpoint IS NOT NULL
		)
		SELECT endpoint, (SELECT MIN(n.due_at) FROM notices n WHERE n.due_at > 0 AND n.endpoint = names.endpoint)
		FROM names WHERE endpoint IS NOT NULL`
	return queryAll(tx, func(row scanner) (endpoint, error) {
		var e endpoint
		var due int64
		err := row.Scan(&e.name, &due)
		e.due = fromMicros(due)
		return e, err
	}, query)
}

// lease takes up to limit notices of an endpoint that are due, under one token.
func (s *Store) lease(tx session, endpoint string, limit int, now time.Time, duration time.Duration) ([]Lease, error) {
	token := trust.NewAuthToken()
	return queryAll(tx, func(row scanner) (Lease, error) {
		l := Lease{Endpoint: endpoint, token: token}
		var err error
		l.Notice, err = scanNotice(row, &l.Tries, &l.AuthToken)
		return l, err
	}, `WITH due AS MATERIALIZED (
			SELECT id AS due_id FROM notices WHERE due_at > 0 AND due_at <= $1 AND endpoint = $2 ORDER BY due_at LIMIT $3`+
		s.engine.skipLocked+`)
		UPDATE notices SET state = $4, lease = $5, due_at = 0, leased_until = `+s.engine.now+` + $6
		WHERE id IN (SELECT due_id FROM due)
		RETURNING `+noticeColumns+`, tries, COALESCE((SELECT auth_token FROM accounts WHERE sid = account_sid), '')`,
		micros(now), endpoint, limit, string(Sending), token, duration.Microseconds())
}

// record writes what came of a lease that is still held, and lets the product's next notice go where this one has ended.
func (s *Store) record(tx session, r Report, now time.Time) error {
	n := r.Lease.Notice
	if err := s.lockProduct(tx, n.ProductSID); err != nil {
		return err
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
		return err
	}
	if a.Verdict != "" {
		_, err = tx.exec(`INSERT INTO attempts (notice_id, number, started_at, duration, verdict, status_code, answer, error)
			VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM attempts WHERE notice_id = $2), $3, $4, $5, $6, $7, $8)`,
			n.ID, n.ID, micros(a.Started), a.Duration.Microseconds(), string(a.Verdict), a.StatusCode, a.Answer, a.Error)
		if err != nil {
			return err
		}
	}
	return arrange(tx, n.ProductSID, n.Channel, now)
}
