package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Delivery is a notice with its attempts, for people to read.
type Delivery struct {
	Notice   trust.Notice
	Endpoint string // the server that is contacted: scheme, host and port, or "smtp"
	State    State
	Due      time.Time // of the next attempt, zero if no attempt is planned
	Attempts []trust.Attempt
}

// attemptRow is an attempt to send a notice.
type attemptRow struct {
	trust.Attempt

	noticeID string
	number   int // of the notice's attempts, from 1
}

var attemptRows = newTable(
	layout{name: "attempts"},
	text("notice_id", func(a *attemptRow) *string { return &a.noticeID }),
	number("number", func(a *attemptRow) *int { return &a.number }),
	moment("started_at", func(a *attemptRow) *time.Time { return &a.Started }),
	converted("duration", func(a *attemptRow) *time.Duration { return &a.Duration }, `0`, time.Duration.Microseconds,
		func(us int64) (time.Duration, error) { return time.Duration(us) * time.Microsecond, nil }),
	text("verdict", func(a *attemptRow) *trust.Verdict { return &a.Verdict }),
	number("status_code", func(a *attemptRow) *int { return &a.StatusCode }),
	text("answer", func(a *attemptRow) *string { return &a.Answer }),
	text("error", func(a *attemptRow) *string { return &a.Error }),
)

// DeliveryFilter chooses deliveries. Empty fields choose all.
type DeliveryFilter struct {
	ID         string
	AccountSID string
	BundleSID  string
	Channel    trust.Channel
	Target     string
	State      State
	Open       bool // only those that have not ended
	Endpoint   string
	Before     string // only ids before this one: those that come after it in a list
	Limit      int    // at most so many
}

// where returns the filter, except for the limit, as a condition on notices with its arguments.
func (f DeliveryFilter) where() (condition string, args []any) {
	var s statement
	s.add(`true`)
	f.addIndexed(&s)
	f.addOthers(&s)
	return s.text, s.args
}

// addIndexed adds the conditions that an index of notices has.
func (f DeliveryFilter) addIndexed(s *statement) {
	addComparison(s, `id = `, f.ID)
	addComparison(s, `bundle_sid = `, f.BundleSID)
	addComparison(s, `id < `, f.Before)
	if f.State == Dead {
		s.add(` AND state = 'dead'`) // as in the condition of the index notices_dead, which no parameter is known to meet
	}
}

// addOthers adds the conditions that addIndexed does not.
func (f DeliveryFilter) addOthers(s *statement) {
	addComparison(s, `account_sid = `, f.AccountSID)
	addComparison(s, `channel = `, string(f.Channel))
	addComparison(s, `target = `, f.Target)
	addComparison(s, `endpoint = `, f.Endpoint)
	if f.State != Dead {
		addComparison(s, `state = `, string(f.State))
	}
	if f.Open {
		s.add(` AND ended_at = 0`)
	}
}

// addComparison adds a comparison with a value that is not empty.
func addComparison(s *statement, comparison, value string) {
	if value != "" {
		s.add(` AND ` + comparison + s.arg(value))
	}
}

// Delivery returns the delivery with this id, or ErrNotFound.
func (s *Store) Delivery(ctx context.Context, id string) (Delivery, error) {
	all, err := s.Deliveries(ctx, DeliveryFilter{ID: id, Limit: 1})
	if err != nil {
		return Delivery{}, err
	}
	if len(all) == 0 {
		return Delivery{}, ErrNotFound
	}
	return all[0], nil
}

// Deliveries returns the deliveries that match the filter with all their attempts, the newest notice first. It reads in the order
// of the notices' ids, which begin with the time of creation. There are indexes for the bundle and for dead ones only: rows that
// do not match another part of the filter are skipped.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	query, args := deliveriesQuery(f)
	return s.scanDeliveries(s.read(ctx), query, args)
}

// scanDeliveries returns the deliveries of a query of withAttempts.
func (s *Store) scanDeliveries(q session, query string, args []any) ([]Delivery, error) {
	type row struct {
		notice  noticeRow
		attempt attemptRow // without a number for a notice without any
	}
	rows, err := queryAll(q, func(columns scanner) (r row, err error) {
		r.notice, err = noticeRows.scanWith(columns, dests(attemptRows.fields, &r.attempt, 0)...)
		return r, err
	}, query, args...)
	if err != nil {
		return nil, s.classify(err)
	}
	var all []Delivery
	for _, r := range rows {
		if len(all) == 0 || all[len(all)-1].Notice.ID != r.notice.ID {
			all = append(all, r.notice.delivery())
		}
		if last := &all[len(all)-1]; r.attempt.number > 0 {
			last.Attempts = append(last.Attempts, r.attempt.Attempt)
		}
	}
	return all, nil
}

// deliveriesQuery returns the query of a page.
func deliveriesQuery(f DeliveryFilter) (query string, args []any) {
	condition, args := f.where()
	args = append(args, f.Limit)
	return withAttempts(`SELECT ` + noticeRows.list + ` FROM notices WHERE ` + condition + `
		ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))), args
}

// withAttempts returns a query that yields a row for each attempt of the notices that another yields, and one row for a notice
// without attempts.
func withAttempts(page string) string {
	return `SELECT ` + noticeRows.list + `, ` + attemptRows.listOrZero() + `
		FROM (` + page + `) AS page LEFT JOIN attempts ON notice_id = id ORDER BY id DESC, number`
}

func (n noticeRow) delivery() Delivery {
	d := Delivery{Notice: n.Notice, Endpoint: n.endpoint, State: n.state}
	if n.state == Ready {
		if d.Due = n.due; n.due.Before(n.Created) { // it is atOnce
			d.Due = n.Created
		}
	}
	return d
}

// Replay queues the notice to be sent again, with the same id, all retries and its old place in the order of its bundle, whatever
// its state. It returns ErrNotFound if there is no such notice or its bundle was deleted.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, func(tx session) error {
		n, err := s.lockNotice(tx, id, ofABundle)
		if err != nil {
			return err
		}
		return s.setState(tx, n.Notice, Waiting, time.Time{}, now)
	})
	if err == nil {
		s.wake()
	}
	return err
}

// CountReplayable returns how many notices ReplayAll would replay.
func (s *Store) CountReplayable(ctx context.Context, f DeliveryFilter) (count int, err error) {
	if err := s.scans.Acquire(ctx, 1); err != nil {
		return 0, s.classify(err)
	}
	defer s.scans.Release(1)
	query, args := f.replayable(``) // the order of ReplayAll would have it read an index of all notices
	err = s.read(ctx).row(`SELECT COUNT(*) FROM (`+query+`) AS replayable`, args...).Scan(&count)
	return count, s.classify(err)
}

// replayable returns the query of the notices that ReplayAll replays.
func (f DeliveryFilter) replayable(order string) (query string, args []any) {
	condition, args := f.where()
	// Not ended_at > 0, for which SQLite would read all that have ended through an index rather than the few dead ones.
	query = `SELECT id, bundle_sid, channel, state FROM notices
		WHERE ended_at <> 0 AND ` + condition + ` AND ` + ofABundle + order
	if f.Limit > 0 {
		args = append(args, f.Limit)
		query += ` LIMIT $` + strconv.Itoa(len(args))
	}
	return query, args
}

// replaysAtOnce is how many notices a statement replays.
const replaysAtOnce = 1000

// ReplayAll replays the notices that match the filter, have ended and whose bundles exist, and returns how many. It replays all
// if the filter has no limit.
func (s *Store) ReplayAll(ctx context.Context, f DeliveryFilter, now time.Time) (count int, err error) {
	err = s.write(ctx, func(tx session) error {
		count, err = s.replayAll(tx, f, now)
		return err
	})
	if err == nil {
		s.wake()
	}
	return count, err
}

func (s *Store) replayAll(tx session, f DeliveryFilter, now time.Time) (count int, err error) {
	query, args := f.replayable(` ORDER BY bundle_sid, channel, position`)
	ended, err := queryAll(tx, func(row scanner) (r reported, err error) {
		return r, row.Scan(&r.ID, &r.BundleSID, &r.Channel, &r.State)
	}, query, args...)
	if err != nil {
		return 0, err
	}
	for some := range slices.Chunk(ended, replaysAtOnce) {
		replayed, err := s.replayEach(tx, some, now)
		if err != nil {
			return 0, err
		}
		count += replayed
	}
	return count, nil
}

// ofABundle is true of a notice whose bundle has not been deleted.
const ofABundle = `EXISTS (SELECT 1 FROM bundles WHERE sid = bundle_sid)`

// replayEach replays the notices of a list whose bundles exist and whose states are still the given ones, and returns how many:
// another process may have been faster. The list is in the order of bundles, channels and positions.
func (s *Store) replayEach(tx session, ended []reported, now time.Time) (replayed int, err error) {
	for i := range ended {
		if i == 0 || !ended[i].follows(ended[i-1]) {
			ended[i].Due = micros(now)
		}
	}
	list, err := json.Marshal(ended)
	if err != nil {
		return 0, err
	}
	if err := s.lockEach(tx, string(list)); err != nil {
		return 0, err
	}
	// Where nothing else is open, the first of each bundle and channel is ready at once, so that it is written once.
	rows, err := queryAll(tx, func(row scanner) (r reported, err error) {
		return r, row.Scan(&r.BundleSID, &r.Channel, &r.State)
	}, `WITH replays AS MATERIALIZED (
			SELECT value ->> 'id' AS replayed_id, value ->> 'state' AS ended_as, CASE WHEN (
				SELECT 1 FROM notices
				WHERE bundle_sid = value ->> 'bundle_sid' AND channel = value ->> 'channel' AND `+isOpen+` LIMIT 1
			) IS NULL THEN CAST(value ->> 'due_at' AS BIGINT) ELSE 0 END AS due
			FROM `+s.engine.list+` AS listed)
		UPDATE notices SET state = CASE WHEN due > 0 THEN 'ready' ELSE 'waiting' END, tries = 0, due_at = due, `+endLease+`,
			ended_at = 0
		FROM replays WHERE id = replayed_id AND state = ended_as AND `+ofABundle+`
		RETURNING bundle_sid, channel, state`, string(list))
	replayed = len(rows)
	waiting := slices.DeleteFunc(rows, func(r reported) bool { return r.State != Waiting })
	if err != nil || len(waiting) == 0 {
		return replayed, err
	}
	slices.SortFunc(waiting, func(a, b reported) int {
		return cmp.Or(cmp.Compare(a.BundleSID, b.BundleSID), cmp.Compare(a.Channel, b.Channel))
	})
	lines, err := json.Marshal(slices.CompactFunc(waiting, reported.follows))
	if err == nil {
		_, err = s.arrange(tx, string(lines), now)
	}
	return replayed, err
}

// Drop gives up an open notice, so that the next one of its bundle can be sent. It returns ErrNotFound if there is no such open
// notice.
func (s *Store) Drop(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, func(tx session) error {
		n, err := s.lockNotice(tx, id, isOpen)
		if err != nil {
			return err
		}
		return s.setState(tx, n.Notice, Dropped, now, now)
	})
	if err == nil {
		s.wake()
	}
	return err
}

// lockNotice locks a notice's bundle and then reads the notice if it meets the condition. Until the transaction ends, nobody else
// can delete the bundle or end the notice.
func (s *Store) lockNotice(tx session, id, condition string) (noticeRow, error) {
	sid, err := scanString(tx.row(`SELECT bundle_sid FROM notices WHERE id = $1`, id))
	if err != nil {
		return noticeRow{}, err
	}
	if err := s.lockBundle(tx, sid); err != nil {
		return noticeRow{}, err
	}
	return noticeRows.scan(tx.row(`SELECT `+noticeRows.list+` FROM notices WHERE id = $1 AND `+condition, id))
}

// setState sets a notice's state and ends a worker's lease on it. The caller has locked the notice's bundle.
func (s *Store) setState(tx session, n trust.Notice, state State, ended, now time.Time) error {
	if _, err := tx.exec(`UPDATE notices SET state = $1, tries = 0, due_at = 0, `+endLease+`, ended_at = $2 WHERE id = $3`,
		string(state), micros(ended), n.ID); err != nil {
		return err
	}
	list, err := json.Marshal([]reported{{BundleSID: n.BundleSID, Channel: n.Channel}})
	if err == nil {
		_, err = s.arrange(tx, string(list), now)
	}
	return err
}

// RemoveEnded deletes up to limit notices that ended before the given time, with their attempts, and returns how many. A notice
// that is replayed at the same time stays.
func (s *Store) RemoveEnded(ctx context.Context, before time.Time, limit int) (count int, err error) {
	err = s.write(ctx, func(tx session) error {
		removed, err := queryAll(tx, func(row scanner) (r reported, err error) { return r, row.Scan(&r.ID) },
			`WITH old AS MATERIALIZED (
				SELECT id AS old_id FROM notices WHERE ended_at > 0 AND ended_at < $1 ORDER BY ended_at LIMIT $2`+
				s.engine.skipLocked+`)
			DELETE FROM notices WHERE id IN (SELECT old_id FROM old) RETURNING id`, micros(before), limit)
		if count = len(removed); err != nil || count == 0 {
			return err
		}
		list, err := json.Marshal(removed)
		if err == nil {
			_, err = tx.exec(`DELETE FROM attempts WHERE notice_id IN (SELECT r.value ->> 'id' FROM `+s.engine.list+` AS r)`,
				string(list))
		}
		return err
	})
	return count, err
}
