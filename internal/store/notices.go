package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// State is where a notice stands on its way to the customer.
type State string

// The states. The first three are open, the others are ends.
const (
	Waiting   State = "waiting" // an earlier notice of the product and channel is open
	Ready     State = "ready"   // to be sent when it is due
	Sending   State = "sending" // leased to a worker
	Delivered State = "delivered"
	Dead      State = "dead"    // out of attempts, or refused for good
	Dropped   State = "dropped" // given up by a person
	NotSent   State = "not-sent"
)

const (
	isOpen        = `state IN ('waiting', 'ready', 'sending')`
	noticeColumns = `id, channel, target, account_sid, product_sid, friendly_name, status, errors, created_at`
)

// insertNotice queues a notice behind the open ones of its product and channel.
func insertNotice(tx session, n trust.Notice) error {
	var last, open int64
	err := tx.row(`SELECT COALESCE(MAX(position), 0), COALESCE(SUM(CASE WHEN `+isOpen+` THEN 1 ELSE 0 END), 0)
		FROM notices WHERE product_sid = $1 AND channel = $2`, n.ProductSID, string(n.Channel)).Scan(&last, &open)
	if err != nil {
		return err
	}
	state, due := Ready, n.Created
	if open > 0 {
		state, due = Waiting, time.Time{}
	}
	// Lists are in the order of the ids. Notices of one moment get ids in the order of their positions: 16 ns are more than the
	// unit of an id's time.
	id := trust.NewSID(trust.NoticePrefix, n.Created.Add(time.Duration(last+1)*16*time.Nanosecond))
	_, err = tx.exec(`INSERT INTO notices (`+noticeColumns+`, endpoint, position, state, tries, due_at, lease, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, '', 0)`,
		id, string(n.Channel), n.Target, n.AccountSID, n.ProductSID, n.FriendlyName,
		string(n.Status), joinCodes(n.Errors), micros(n.Created), endpointOf(n), last+1, string(state), micros(due))
	return err
}

// endpointOf names who is contacted, so that one who does not answer can be kept from delaying others.
func endpointOf(n trust.Notice) string {
	if n.Channel == trust.Email {
		return "smtp"
	}
	u, err := url.Parse(n.Target)
	if err != nil {
		return n.Target
	}
	return u.Scheme + "://" + u.Host
}

// Lease is the right to send a notice and to report on it, until it ends or another worker has it.
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
	Attempt trust.Attempt
	State   State     // Ready for another attempt, or an end
	Due     time.Time // of that attempt
}

// Exchange records reports and leases what is due at now, in one transaction. It asks room how many more notices of an
// endpoint the worker can take, and returns the leases and when the next notice will be due that was not leased for its
// time had not come (zero: none).
//
// A report is ignored whose lease has gone to another worker, or whose notice was dropped or replayed meanwhile.
func (s *Store) Exchange(
	ctx context.Context, reports []Report, room func(endpoint string) int, now, leaseEnd time.Time,
) (leases []Lease, next time.Time, err error) {
	// In one order everywhere, so that two servers' transactions do not wait for each other.
	reports = slices.SortedFunc(slices.Values(reports), func(a, b Report) int {
		return strings.Compare(a.Lease.Notice.ProductSID, b.Lease.Notice.ProductSID)
	})
	err = s.write(ctx, func(tx session) error {
		leases, next = nil, time.Time{}
		for _, report := range reports {
			if err := s.record(tx, report, now); err != nil {
				return fmt.Errorf("record an attempt: %w", err)
			}
		}
		all, err := endpoints(tx)
		if err != nil {
			return fmt.Errorf("list endpoints: %w", err)
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
			taken, err := s.lease(tx, e.name, limit, now, leaseEnd)
			if err != nil {
				return fmt.Errorf("lease notices: %w", err)
			}
			leases = append(leases, taken...)
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return leases, next, nil
}

// endpoint is someone to contact, for whom something is open.
type endpoint struct {
	name string
	due  time.Time // of the earliest notice that is ready, or the end of the earliest lease
}

// endpoints returns all with open notices. Its cost grows with their number, not with that of the notices: each step of the
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
func (s *Store) lease(tx session, endpoint string, limit int, now, leaseEnd time.Time) ([]Lease, error) {
	token := trust.NewAuthToken()
	return queryAll(tx, func(row scanner) (Lease, error) {
		l := Lease{Endpoint: endpoint, token: token}
		var err error
		l.Notice, err = scanNotice(row, &l.Tries, &l.AuthToken)
		return l, err
	}, `WITH due AS MATERIALIZED (
			SELECT id AS due_id FROM notices WHERE due_at > 0 AND due_at <= $1 AND endpoint = $2 ORDER BY due_at LIMIT $3`+
		s.engine.skipLocked+`)
		UPDATE notices SET state = $4, lease = $5, due_at = $6 WHERE id IN (SELECT due_id FROM due)
		RETURNING `+noticeColumns+`, tries, COALESCE((SELECT auth_token FROM accounts WHERE sid = account_sid), '')`,
		micros(now), endpoint, limit, string(Sending), token, micros(leaseEnd))
}

// record writes what came of a lease that is still held, and lets the product's next notice go where this one has ended.
func (s *Store) record(tx session, r Report, now time.Time) error {
	n := r.Lease.Notice
	var ended time.Time
	if r.State != Ready {
		ended = now
	}
	if err := s.lockProduct(tx, n.ProductSID); err != nil {
		return err
	}
	held, err := tx.exec(`UPDATE notices SET state = $1, tries = tries + 1, due_at = $2, lease = '', ended_at = $3
		WHERE id = $4 AND lease = $5`, string(r.State), micros(r.Due), micros(ended), n.ID, r.Lease.token)
	if err != nil || held == 0 {
		return err
	}
	a := r.Attempt
	_, err = tx.exec(`INSERT INTO attempts (notice_id, number, started_at, duration, verdict, status_code, answer, error)
		VALUES ($1, (SELECT COUNT(*) + 1 FROM attempts WHERE notice_id = $2), $3, $4, $5, $6, $7, $8)`,
		n.ID, n.ID, micros(a.Started), a.Duration.Microseconds(), string(a.Verdict), a.StatusCode, a.Answer, a.Error)
	if err != nil {
		return err
	}
	return arrange(tx, n.ProductSID, n.Channel, now)
}

// lockProduct keeps changes of the product, and with them new notices, from coming in between: arrange would not see them,
// nor they what it does.
func (s *Store) lockProduct(tx session, sid string) error {
	if s.engine.lockRow == "" {
		return nil
	}
	_, err := queryAll(tx, scanString, `SELECT sid FROM products WHERE sid = $1`+s.engine.lockRow, sid)
	return err
}

// arrange lets the first open notice of a product and channel go, and only that. One that is being sent is left to end.
func arrange(tx session, productSID string, channel trust.Channel, now time.Time) error {
	var id, state string
	err := tx.row(`SELECT id, state FROM notices WHERE product_sid = $1 AND channel = $2 AND `+isOpen+`
		ORDER BY CASE WHEN state = 'sending' THEN 0 ELSE 1 END, position LIMIT 1`, productSID, string(channel)).Scan(&id, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil || State(state) != Waiting {
		return err
	}
	// A later one may be ready where an earlier one was replayed.
	if _, err := tx.exec(`UPDATE notices SET state = 'waiting', due_at = 0
		WHERE product_sid = $1 AND channel = $2 AND state = 'ready'`, productSID, string(channel)); err != nil {
		return err
	}
	// That later one may have been leased just now, in which case its end arranges the rest.
	_, err = tx.exec(`UPDATE notices SET state = 'ready', due_at = $1 WHERE id = $2 AND NOT EXISTS (
		SELECT 1 FROM notices n WHERE n.product_sid = $3 AND n.channel = $4 AND n.state = 'sending')`,
		micros(now), id, productSID, string(channel))
	return err
}

// scanNotice reads noticeColumns and then into more.
func scanNotice(row scanner, more ...any) (trust.Notice, error) {
	var n trust.Notice
	var channel, status, codes string
	var created int64
	fields := []any{
		&n.ID, &channel, &n.Target, &n.AccountSID, &n.ProductSID, &n.FriendlyName, &status, &codes, &created,
	}
	if err := row.Scan(append(fields, more...)...); err != nil {
		return trust.Notice{}, err
	}
	n.Channel, n.Status, n.Created = trust.Channel(channel), trust.Status(status), fromMicros(created)
	var err error
	n.Errors, err = splitCodes(codes)
	return n, err
}
