package store

import (
	"database/sql"
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// State is where a notice stands on its way to the customer.
type State string

// The states. The first three are open, the others are ends.
const (
	Waiting   State = "waiting" // an earlier notice of the bundle and channel is open
	Ready     State = "ready"   // to be sent when it is due
	Sending   State = "sending" // leased to a worker
	Delivered State = "delivered"
	Dead      State = "dead"    // out of attempts, or refused for good
	Dropped   State = "dropped" // given up by a person
	NotSent   State = "not-sent"
)

const (
	isOpen        = `state IN ('waiting', 'ready', 'sending')`
	endLease      = `lease = '', leased_until = 0` // for an UPDATE: nobody may report on the notice any more
	noticeColumns = `id, channel, target, account_sid, bundle_sid, bundle_kind, friendly_name, status, errors, created_at`
)

// insertNotice queues a notice behind the open ones of its bundle and channel.
func insertNotice(tx session, n trust.Notice) error {
	var last, open int64
	err := tx.row(`SELECT COALESCE(MAX(position), 0), COALESCE(SUM(CASE WHEN `+isOpen+` THEN 1 ELSE 0 END), 0)
		FROM notices WHERE bundle_sid = $1 AND channel = $2`, n.BundleSID, string(n.Channel)).Scan(&last, &open)
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
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, '', 0)`,
		id, string(n.Channel), n.Target, n.AccountSID, n.BundleSID, string(n.BundleKind), n.FriendlyName,
		string(n.Status), joinCodes(n.Errors), micros(n.Created), endpointOf(n), last+1, string(state), micros(due))
	return err
}

// endpointOf names who is contacted, so that one who does not answer can be kept from delaying others.
func endpointOf(n trust.Notice) string {
	if n.Channel == trust.Email {
		return "smtp"
	}
	target, err := callbackurl.Parse(n.Target)
	if err != nil {
		return "invalid" // stored before such URLs were refused: nobody is contacted
	}
	return target.Endpoint
}

// lockBundle keeps changes of the bundle, and with them new notices, from coming in between: arrange would not see them,
// nor they what it does.
func (s *Store) lockBundle(tx session, sid string) error {
	if s.engine.lockRow == "" {
		return nil
	}
	_, err := queryAll(tx, scanString, `SELECT sid FROM bundles WHERE sid = $1`+s.engine.lockRow, sid)
	return err
}

// arrange lets the first open notice of a bundle and channel go, and only that, and reports whether it had to wait until now.
// One that is being sent is left to end.
func arrange(tx session, bundleSID string, channel trust.Channel, now time.Time) (released bool, err error) {
	var id, state string
	err = tx.row(`SELECT id, state FROM notices WHERE bundle_sid = $1 AND channel = $2 AND `+isOpen+`
		ORDER BY CASE WHEN state = 'sending' THEN 0 ELSE 1 END, position LIMIT 1`, bundleSID, string(channel)).Scan(&id, &state)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || State(state) != Waiting {
		return false, err
	}
	// A later one may be ready where an earlier one was replayed.
	if _, err := tx.exec(`UPDATE notices SET state = 'waiting', due_at = 0
		WHERE bundle_sid = $1 AND channel = $2 AND state = 'ready'`, bundleSID, string(channel)); err != nil {
		return false, err
	}
	// That later one may have been leased just now, in which case its end arranges the rest.
	changed, err := tx.exec(`UPDATE notices SET state = 'ready', due_at = $1 WHERE id = $2 AND NOT EXISTS (
		SELECT 1 FROM notices n WHERE n.bundle_sid = $3 AND n.channel = $4 AND n.state = 'sending')`,
		micros(now), id, bundleSID, string(channel))
	return changed > 0, err
}

// scanNotice reads noticeColumns and then into more.
func scanNotice(row scanner, more ...any) (trust.Notice, error) {
	var n trust.Notice
	var channel, kind, status, codes string
	var created int64
	fields := []any{
		&n.ID, &channel, &n.Target, &n.AccountSID, &n.BundleSID, &kind, &n.FriendlyName, &status, &codes, &created,
	}
	if err := row.Scan(append(fields, more...)...); err != nil {
		return trust.Notice{}, err
	}
	n.Channel, n.BundleKind, n.Status = trust.Channel(channel), trust.Kind(kind), trust.Status(status)
	n.Created = fromMicros(created)
	var err error
	n.Errors, err = splitCodes(codes)
	return n, err
}
