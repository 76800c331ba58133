package store

import (
	"encoding/json"
	"time"

	"github.com/opentrusthub/trusthub/internal/callbackurl"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// State is the state of a notice's delivery.
type State string

// The states. The first three are open, the others are final.
const (
	Waiting   State = "waiting" // an earlier notice of the bundle and channel is open
	Ready     State = "ready"   // to be sent when it is due
	Sending   State = "sending" // leased to a worker
	Delivered State = "delivered"
	Dead      State = "dead"    // out of attempts, or permanently refused
	Dropped   State = "dropped" // given up by a person
	NotSent   State = "not-sent"
)

const (
	isOpen   = `state IN ('waiting', 'ready', 'sending')`
	endLease = `lease = '', leased_until = 0` // in an UPDATE: later reports are ignored
)

// noticeRow is a notice with the state of its delivery.
type noticeRow struct {
	trust.Notice

	endpoint    string
	position    int64 // among the notices of its bundle and channel
	state       State
	tries       int       // since the notice was created or replayed
	due         time.Time // zero if it is not to be sent
	lease       string    // the token of the lease, empty without one
	leasedUntil time.Time
	ended       time.Time // zero while it is open
}

var noticeRows = newTable(
	layout{name: "notices"},
	fixed(text("id", func(n *noticeRow) *string { return &n.ID })),
	text("channel", func(n *noticeRow) *trust.Channel { return &n.Channel }),
	text("target", func(n *noticeRow) *string { return &n.Target }),
	text("account_sid", func(n *noticeRow) *string { return &n.AccountSID }),
	text("bundle_sid", func(n *noticeRow) *string { return &n.BundleSID }),
	text("bundle_kind", func(n *noticeRow) *trust.Kind { return &n.BundleKind }),
	text("friendly_name", func(n *noticeRow) *string { return &n.FriendlyName }),
	text("status", func(n *noticeRow) *trust.Status { return &n.Status }),
	codes("errors", func(n *noticeRow) *[]int { return &n.Errors }),
	moment("created_at", func(n *noticeRow) *time.Time { return &n.Created }),
	text("traceparent", func(n *noticeRow) *string { return &n.TraceParent }),
	text("endpoint", func(n *noticeRow) *string { return &n.endpoint }),
	number("position", func(n *noticeRow) *int64 { return &n.position }),
	text("state", func(n *noticeRow) *State { return &n.state }),
	number("tries", func(n *noticeRow) *int { return &n.tries }),
	moment("due_at", func(n *noticeRow) *time.Time { return &n.due }),
	text("lease", func(n *noticeRow) *string { return &n.lease }),
	moment("leased_until", func(n *noticeRow) *time.Time { return &n.leasedUntil }),
	moment("ended_at", func(n *noticeRow) *time.Time { return &n.ended }),
)

// queueEnd is the end of the queue of a bundle and channel.
type queueEnd struct{ last, open int64 } // the last position, and how many notices are open

// insertNotices queues notices of one bundle, each behind the open ones of its channel.
func (s *Store) insertNotices(tx session, notices []trust.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	ends := map[trust.Channel]queueEnd{}
	_, err := queryAll(tx, func(row scanner) (end queueEnd, err error) {
		var channel string
		err = row.Scan(&channel, &end.last, &end.open)
		ends[trust.Channel(channel)] = end
		return end, err
	}, `SELECT channel, MAX(position), SUM(CASE WHEN `+isOpen+` THEN 1 ELSE 0 END)
		FROM notices WHERE bundle_sid = $1 GROUP BY channel`, notices[0].BundleSID)
	if err != nil {
		return err
	}
	rows := make([]noticeRow, len(notices))
	for i, n := range notices {
		end := ends[n.Channel]
		end.last++
		rows[i] = noticeRow{Notice: n, endpoint: endpointOf(n), position: end.last, state: Ready, due: n.Created}
		if end.open > 0 {
			rows[i].state, rows[i].due = Waiting, time.Time{}
		}
		// Lists are ordered by id. Notices with the same time get ids in the order of their positions: 16 ns are more than the
		// resolution of an id's time.
		rows[i].ID = trust.NewSID(trust.NoticePrefix, n.Created.Add(time.Duration(end.last)*16*time.Nanosecond))
		end.open++
		ends[n.Channel] = end
	}
	// SQLite copies each page that a statement with several rows changes, in case it fails. With so many indexes that costs more
	// than a statement.
	return insertMany(s, tx, noticeRows, rows, 1)
}

// endpointOf returns the name of the server that is contacted, so that one that does not respond cannot delay others.
func endpointOf(n trust.Notice) string {
	if n.Channel == trust.Email {
		return "smtp"
	}
	target, err := callbackurl.Parse(n.Target)
	if err != nil {
		return "invalid" // stored before such URLs were refused; it is never contacted
	}
	return target.Endpoint
}

// lockBundle keeps others from changing the bundle and adding notices until the transaction ends: arrange would not see those,
// nor they its changes.
func (s *Store) lockBundle(tx session, sid string) error {
	if s.engine.lockRow == "" {
		return nil
	}
	_, err := queryAll(tx, scanString, `SELECT sid FROM bundles WHERE sid = $1`+s.engine.lockRow, sid)
	return err
}

// lockEach is lockBundle for the bundles of a list. All servers lock bundles in the order of their SIDs, so that their
// transactions do not wait for each other.
func (s *Store) lockEach(tx session, list string) error {
	if s.engine.lockRow == "" {
		return nil
	}
	_, err := queryAll(tx, scanString, `SELECT sid FROM bundles
		WHERE sid IN (SELECT r.value ->> 'bundle_sid' FROM `+s.engine.list+` AS r) ORDER BY sid`+s.engine.lockRow, list)
	return err
}

// arrange makes the first open notice of each bundle and channel in a list ready, and no other, and reports whether any was
// waiting. Where a notice is being sent, it changes nothing. The caller has locked the bundles.
func (s *Store) arrange(tx session, list string, now time.Time) (released bool, err error) {
	type first struct {
		ID    string `json:"id"`
		Due   int64  `json:"due_at"`
		later bool   // one behind it is ready, because this one was replayed
	}
	later := false
	waiting, err := queryAll(tx, func(row scanner) (f first, err error) {
		f.Due = micros(now)
		err = row.Scan(&f.ID, &f.later)
		later = later || f.later
		return f, err
	}, `SELECT id, EXISTS (
			SELECT 1 FROM notices b WHERE b.bundle_sid = n.bundle_sid AND b.channel = n.channel AND b.state = 'ready')
		FROM notices n JOIN `+s.engine.list+` AS r
			ON n.bundle_sid = r.value ->> 'bundle_sid' AND n.channel = r.value ->> 'channel'
		WHERE n.state = 'waiting' AND NOT EXISTS (
			SELECT 1 FROM notices a WHERE a.bundle_sid = n.bundle_sid AND a.channel = n.channel
			AND (a.state = 'sending' OR a.state IN ('waiting', 'ready') AND a.position < n.position))`, list)
	if err != nil || len(waiting) == 0 {
		return false, err
	}
	firsts, err := json.Marshal(waiting)
	if err != nil {
		return false, err
	}
	if later {
		if _, err := tx.exec(`UPDATE notices SET state = 'waiting', due_at = 0
			FROM `+s.engine.list+` AS r JOIN notices f ON f.id = r.value ->> 'id'
			WHERE notices.bundle_sid = f.bundle_sid AND notices.channel = f.channel AND notices.state = 'ready'`,
			string(firsts)); err != nil {
			return false, err
		}
	}
	// If that later one has just been leased, its report arranges the rest.
	changed, err := tx.exec(`UPDATE notices SET state = 'ready', due_at = CAST(r.value ->> 'due_at' AS BIGINT)
		FROM `+s.engine.list+` AS r WHERE id = r.value ->> 'id' AND NOT EXISTS (
			SELECT 1 FROM notices n
			WHERE n.bundle_sid = notices.bundle_sid AND n.channel = notices.channel AND n.state = 'sending')`,
		string(firsts))
	return changed > 0, err
}
