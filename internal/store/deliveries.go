package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Delivery is a notice with its story, for people.
type Delivery struct {
	Notice   trust.Notice
	State    State
	Due      time.Time // of the next attempt, zero if there is none
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

// insertAttempt is attemptRows.insertOne with a number that counts on from the notice's last attempt.
var insertAttempt = strings.Replace(attemptRows.insertOne, `$2`,
	`(SELECT CAST($2 AS BIGINT) + COALESCE(MAX(number), 0) FROM attempts WHERE notice_id = $1)`, 1)

// DeliveryFilter chooses deliveries. Empty fields choose all.
type DeliveryFilter struct {
	BundleSID string
	State     State
	Limit     int // how many at the most
}

// Deliveries returns what the filter chooses, the newest notice first, with all attempts. It reads in the order of the notices'
// ids, which begin with the time of their making. A filter by state has no index: it reads past what does not match.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	type row struct {
		notice  noticeRow
		attempt attemptRow // without a number for a notice without any
	}
	query, args := deliveriesQuery(f)
	rows, err := queryAll(s.read(ctx), func(columns scanner) (r row, err error) {
		r.notice, err = noticeRows.scanWith(columns, attemptRows.dests(&r.attempt, 0)...)
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

// deliveriesQuery returns a query for a row an attempt, and a row for a notice without any.
func deliveriesQuery(f DeliveryFilter) (query string, args []any) {
	page := `SELECT ` + noticeRows.list + ` FROM notices WHERE true`
	where := func(column, value string) {
		if value != "" {
			args = append(args, value)
			page += ` AND ` + column + ` = $` + strconv.Itoa(len(args))
		}
	}
	where(`bundle_sid`, f.BundleSID)
	where(`state`, string(f.State))
	args = append(args, f.Limit)
	page += ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	return `SELECT ` + noticeRows.list + `, ` + attemptRows.listOrZero() + `
		FROM (` + page + `) AS page LEFT JOIN attempts ON notice_id = id ORDER BY id DESC, number`, args
}

func (n noticeRow) delivery() Delivery {
	d := Delivery{Notice: n.Notice, State: n.state}
	if n.state == Ready {
		if d.Due = n.due; n.due.Before(n.Created) { // it is atOnce
			d.Due = n.Created
		}
	}
	return d
}

// Replay has the notice sent again, with a full set of attempts and under the same id, whatever came of it before. It
// takes its place in the order of its bundle again. It returns ErrNotFound where there is no such notice, or
// its bundle is gone.
func (s *Store) Replay(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, func(tx session) error { return s.replay(tx, id, ofABundle, now) })
	if err == nil {
		s.wake()
	}
	return err
}

// ReplayDead has all dead notices of bundles that exist sent again and returns how many.
func (s *Store) ReplayDead(ctx context.Context, now time.Time) (int, error) {
	count := 0
	err := s.write(ctx, func(tx session) error {
		ids, err := queryAll(tx, scanString, `SELECT id FROM notices WHERE ended_at > 0 AND state = $1
			AND `+ofABundle+`
			ORDER BY bundle_sid, channel, position`, string(Dead))
		if err != nil {
			return err
		}
		count = 0
		for _, id := range ids {
			switch err := s.replay(tx, id, ofABundle+` AND state = 'dead'`, now); {
			case err == nil:
				count++
			case !errors.Is(err, sql.ErrNoRows): // else someone was quicker
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.wake()
	}
	return count, err
}

// ofABundle is true of a notice whose bundle has not been deleted.
const ofABundle = `EXISTS (SELECT 1 FROM bundles WHERE sid = bundle_sid)`

func (s *Store) replay(tx session, id, condition string, now time.Time) error {
	n, err := s.lockNotice(tx, id, condition)
	if err != nil {
		return err
	}
	return s.setState(tx, n.Notice, Waiting, time.Time{}, now)
}

// Drop gives an open notice up and lets the next of its bundle go. It returns ErrNotFound where there is no such notice
// that is open.
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

// lockNotice locks a notice's bundle and only then reads the notice, if the condition holds: nobody deletes the bundle or
// ends the notice any more before the transaction ends.
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

// setState overrules the workers: one that is sending the notice loses its lease. The notice's bundle is locked.
func (s *Store) setState(tx session, n trust.Notice, state State, ended, now time.Time) error {
	if _, err := tx.exec(`UPDATE notices SET state = $1, tries = 0, due_at = 0, `+endLease+`, ended_at = $2 WHERE id = $3`,
		string(state), micros(ended), n.ID); err != nil {
		return err
	}
	_, err := arrange(tx, n.BundleSID, n.Channel, now)
	return err
}

// RemoveEnded removes up to limit notices that ended before the given time, with their attempts, and returns how many.
func (s *Store) RemoveEnded(ctx context.Context, before time.Time, limit int) (int, error) {
	count := 0
	err := s.write(ctx, func(tx session) error {
		ids, err := queryAll(tx, scanString, `SELECT id FROM notices WHERE ended_at > 0 AND ended_at < $1
			ORDER BY ended_at LIMIT $2`, micros(before), limit)
		if err != nil {
			return err
		}
		count = 0
		for _, id := range ids {
			// Meanwhile it may have been replayed.
			removed, err := tx.exec(`DELETE FROM notices WHERE id = $1 AND ended_at > 0 AND ended_at < $2`, id, micros(before))
			if err != nil {
				return err
			}
			if removed == 0 {
				continue
			}
			if _, err := tx.exec(`DELETE FROM attempts WHERE notice_id = $1`, id); err != nil {
				return err
			}
			count++
		}
		return nil
	})
	return count, err
}
