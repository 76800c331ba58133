package store

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// MaxEvents is how many events of a bundle are kept at most, the newest, besides that of its creation. When there are more, the
// oldest are removed, eventsRemoved at once, so that few changes pay for it.
const (
	MaxEvents     = 1100
	eventsRemoved = 100
)

// eventRow is an event with what it is sorted by until it has a position.
type eventRow struct {
	trust.Event

	sortAt time.Time
}

var events = newTable(
	layout{name: "events"},
	text("bundle_sid", func(e *eventRow) *string { return &e.BundleSID }),
	number("number", func(e *eventRow) *int64 { return &e.Number }),
	text("bundle_kind", func(e *eventRow) *trust.Kind { return &e.BundleKind }),
	text("account_sid", func(e *eventRow) *string { return &e.AccountSID }),
	text("type", func(e *eventRow) *trust.EventType { return &e.Type }),
	text("actor", func(e *eventRow) *trust.Actor { return &e.By }),
	text("request_id", func(e *eventRow) *string { return &e.RequestID }),
	moment("created_at", func(e *eventRow) *time.Time { return &e.At }),
	text("from_status", func(e *eventRow) *trust.Status { return &e.From }),
	text("to_status", func(e *eventRow) *trust.Status { return &e.To }),
	converted("fields", func(e *eventRow) *[]string { return &e.Fields }, `''`, joinFields, splitFields),
	codes("errors", func(e *eventRow) *[]int { return &e.Errors }),
	text("object_sid", func(e *eventRow) *string { return &e.ObjectSID }),
	number("position", func(e *eventRow) *int64 { return &e.Position }),
	moment("sort_at", func(e *eventRow) *time.Time { return &e.sortAt }),
)

func joinFields(names []string) string { return strings.Join(names, ",") }

func splitFields(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	return strings.Split(s, ","), nil
}

// Events are numbered while their bundle is locked, so the numbers of a history have no gaps, and a reader who sees one event of
// a bundle sees all before it.
//
// insertEvent adds an event to the history of one bundle. If old events must be removed first (isFull), the event gets a number
// that is already used, and is not stored: on SQLite this takes half as long as an INSERT … SELECT … RETURNING.
var insertEvent = `INSERT INTO events (` + events.list + `) VALUES (
		$1, COALESCE((SELECT CASE WHEN ` + isFull(`number + 1`, `CAST($2 AS BIGINT)`) + ` THEN number ELSE number + 1 END
			FROM events WHERE bundle_sid = $3 ORDER BY number DESC LIMIT 1), 2),
		$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0,
		COALESCE((SELECT CASE WHEN sort_at > CAST($15 AS BIGINT) THEN sort_at ELSE CAST($16 AS BIGINT) END
			FROM events WHERE bundle_sid = $17 ORDER BY number DESC LIMIT 1), CAST($18 AS BIGINT)))
	ON CONFLICT (bundle_sid, number) DO NOTHING`

// insertEventForAll adds an event to the histories of all bundles that an object is assigned to, and yields its numbers.
var insertEventForAll = `INSERT INTO events (` + events.list + `)
	SELECT sid, last_number + 1, kind, account_sid, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT),
		'', '', '', '', CAST($5 AS TEXT), 0, CASE WHEN last_at > CAST($4 AS BIGINT) THEN last_at ELSE CAST($4 AS BIGINT) END
	FROM (SELECT sid, kind, account_sid,
			COALESCE((SELECT MAX(e.number) FROM events e WHERE e.bundle_sid = sid), 1) AS last_number,
			COALESCE((SELECT e.sort_at FROM events e WHERE e.bundle_sid = sid ORDER BY e.number DESC LIMIT 1), 0) AS last_at
		FROM bundles WHERE sid IN (SELECT bundle_sid FROM assignments WHERE object_sid = $5)) AS changed
	RETURNING bundle_sid, number, ` + isFull(`number`, strconv.Itoa(MaxEvents))

// isFull returns the condition that a history is full when it has an event with this number: at least most, and a multiple of
// eventsRemoved. Then old events must be removed.
func isFull(number, most string) string {
	return number + ` >= ` + most + ` AND (` + number + `) % ` + strconv.Itoa(eventsRemoved) + ` = 0`
}

// addEvents adds events to the history of a locked bundle.
func addEvents(tx session, b *trust.Bundle, all ...trust.Event) error {
	for i := range all {
		if err := addEvent(tx, b, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

func addEvent(tx session, b *trust.Bundle, e *trust.Event) error {
	insert := func(most int64) (stored int64, err error) {
		at := micros(e.At)
		return tx.exec(insertEvent, b.SID, most, b.SID, string(b.Kind), b.AccountSID,
			string(e.Type), string(e.By), e.RequestID, at, string(e.From), string(e.To),
			joinFields(e.Fields), joinCodes(e.Errors), e.ObjectSID, at, at, b.SID, at)
	}
	if stored, err := insert(MaxEvents); err != nil || stored == 1 {
		return err
	}
	var last int64
	if err := tx.row(`SELECT COALESCE(MAX(number), 0) FROM events WHERE bundle_sid = $1`, b.SID).Scan(&last); err != nil {
		return err
	}
	if err := makeRoomFor(tx, b.SID, last+1); err != nil {
		return err
	}
	stored, err := insert(math.MaxInt64)
	if err == nil && stored == 0 {
		err = errors.New("another transaction has added to the history of a locked bundle")
	}
	return err
}

// addEventTo is addEvents for a caller who has only the SID of the locked bundle.
func addEventTo(tx session, bundleSID string, e trust.Event) error {
	b, err := bundleStates.fetch(tx, nil, bundleSID, "")
	if err != nil {
		return err
	}
	return addEvents(tx, &b, e)
}

// addEventForAll adds an event about an object to the histories of the bundles that it is assigned to, all of which are locked.
func addEventForAll(tx session, objectSID string, by trust.Origin, kind trust.EventType) error {
	type place struct {
		bundle string
		number int64
		isFull bool
	}
	scan := func(row scanner) (p place, err error) { return p, row.Scan(&p.bundle, &p.number, &p.isFull) }
	stored, err := queryAll(tx, scan, insertEventForAll, string(kind), string(by.By), by.RequestID, micros(by.At), objectSID)
	if err != nil {
		return err
	}
	for _, p := range stored {
		if p.isFull {
			if err := makeRoomFor(tx, p.bundle, p.number); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRoomFor removes the oldest events of a history that gets one with this number, or has got it.
func makeRoomFor(tx session, bundleSID string, number int64) error {
	_, err := removeEvents(tx, bundleSID, number-MaxEvents+eventsRemoved)
	return err
}

// HistoryPage chooses a part of the history of a bundle.
type HistoryPage struct {
	Newest bool  // first; otherwise the oldest
	After  int64 // the number that the page begins after, in its order; 0 means at the start
	Limit  int
}

// History returns a part of the history of a bundle, whichever account's that is. It begins with the creation, and has at most
// MaxEvents others. The history of a deleted bundle has no creation. History returns ErrNotFound if there is neither the bundle
// nor a history of it.
func (s *Store) History(ctx context.Context, bundleSID string, page HistoryPage) ([]trust.Event, error) {
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot) // so that bundle and history are of one moment
	if err != nil {
		return nil, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	q := session{ctx, tx}
	b, err := bundles.fetch(q, nil, bundleSID, "")
	if err = s.classify(err); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	exists := err == nil
	rows, err := queryAll(q, events.scan, historyQuery(page), bundleSID, page.After, page.Limit)
	if err != nil {
		return nil, s.classify(err)
	}
	if !exists && len(rows) == 0 && page.After == 0 {
		return nil, ErrNotFound
	}
	all := withoutOrder(rows)
	switch {
	case !exists:
	case !page.Newest && page.After == 0:
		all = slices.Insert(all, 0, trust.CreationOf(b))
	case page.Newest && page.After != 1:
		all = append(all, trust.CreationOf(b))
	}
	return all[:min(len(all), page.Limit)], nil
}

func historyQuery(page HistoryPage) string {
	condition, order := `number > $2`, ``
	if page.Newest {
		condition, order = `(CAST($2 AS BIGINT) = 0 OR number < $2)`, ` DESC`
	}
	return `SELECT ` + events.list + ` FROM events WHERE bundle_sid = $1 AND ` + condition +
		` ORDER BY number` + order + ` LIMIT $3`
}

func withoutOrder(rows []eventRow) []trust.Event {
	all := make([]trust.Event, len(rows), len(rows)+1)
	for i := range rows {
		all[i] = rows[i].Event
	}
	return all
}

// EventsAfter returns up to limit events of all bundles, in the order of their positions, that have a position after the given
// one. Who continues after the last position that it got misses and repeats none, whichever servers write meanwhile, as long as
// it comes before they are removed. Positions have no gaps but those of events that were removed, so that it can tell how many
// it has missed. Events of one bundle are in the order of their numbers. Creations are not among them.
//
// An event gets its position only after its commit, in a transaction of its own, of which there is one at a time (see
// placeEvents): a number drawn at the change would become visible on Postgres after a greater one of a transaction that was
// faster.
func (s *Store) EventsAfter(ctx context.Context, position int64, limit int) ([]trust.Event, error) {
	if _, err := s.placeEvents(ctx, limit); err != nil {
		return nil, err
	}
	rows, err := queryAll(s.read(ctx), events.scan, eventsAfter, position, limit)
	return withoutOrder(rows), s.classify(err)
}

var eventsAfter = `SELECT ` + events.list + ` FROM events WHERE position > 0 AND position > $1 ORDER BY position LIMIT $2`

// LatestPosition returns the last position that was assigned, when all events that were committed before the call have one. Who
// begins after it gets the events from now on.
func (s *Store) LatestPosition(ctx context.Context) (last int64, err error) {
	const placedAtOnce = 1000
	for more := true; more; {
		if more, err = s.placeEvents(ctx, placedAtOnce); err != nil {
			return 0, err
		}
	}
	err = s.read(ctx).row(`SELECT COALESCE(MAX(last), 0) FROM event_positions`).Scan(&last)
	return last, s.classify(err)
}

// placeEvents assigns positions to up to limit events that have none, and reports whether there were any.
func (s *Store) placeEvents(ctx context.Context, limit int) (some bool, err error) {
	err = s.read(ctx).row(`SELECT EXISTS (SELECT 1 FROM events WHERE position = 0)`).Scan(&some)
	if err != nil || !some {
		return false, s.classify(err)
	}
	return true, s.write(ctx, func(tx session) error { return assignPositions(tx, limit) })
}

// usePositions assigns the next positions to nothing, and returns the last one. It locks the row until the transaction ends, so
// that the next one sees all positions that this one assigns.
func usePositions(tx session, count int64) (last int64, err error) {
	err = tx.row(`INSERT INTO event_positions (id, last) VALUES (1, $1)
		ON CONFLICT (id) DO UPDATE SET last = event_positions.last + excluded.last RETURNING last`, count).Scan(&last)
	return last, err
}

// assignPositions is placeEvents in a transaction.
func assignPositions(tx session, limit int) error {
	last, err := usePositions(tx, 0)
	if err != nil {
		return err
	}
	placed, err := queryAll(tx, func(row scanner) (p int64, err error) { return p, row.Scan(&p) }, `
		UPDATE events SET position = CAST($1 AS BIGINT) + place FROM (
			SELECT bundle_sid AS of_bundle, number AS numbered, ROW_NUMBER() OVER (ORDER BY sort_at, bundle_sid, number) AS place
			FROM (SELECT * FROM events WHERE position = 0 ORDER BY sort_at, bundle_sid, number LIMIT $2) AS unplaced
		) AS next WHERE bundle_sid = of_bundle AND number = numbered RETURNING position`, last, limit)
	if err != nil || len(placed) == 0 {
		return err
	}
	_, err = tx.exec(`UPDATE event_positions SET last = $1 WHERE id = 1`, slices.Max(placed))
	return err
}

// removeEvents deletes the events of a bundle up to a number.
func removeEvents(tx session, bundleSID string, upTo int64) (removed int64, err error) {
	const these = `bundle_sid = $1 AND number <= $2`
	if err := skipUnplaced(tx, these, bundleSID, upTo); err != nil {
		return 0, err
	}
	return tx.exec(`DELETE FROM events WHERE `+these, bundleSID, upTo)
}

// skipUnplaced uses a position for each event that meets a condition and has none, so that readers can tell that they have missed
// it when it is removed. It must be called before the removal: who assigns positions locks their row before those of the events.
func skipUnplaced(tx session, condition string, args ...any) error {
	var unplaced int64
	count := `SELECT COUNT(*) FROM events WHERE position = 0 AND ` + condition
	if err := tx.row(count, args...).Scan(&unplaced); err != nil || unplaced == 0 {
		return err
	}
	if _, err := usePositions(tx, 0); err != nil {
		return err
	}
	if err := tx.row(count, args...).Scan(&unplaced); err != nil { // some may have got a position before the row was locked
		return err
	}
	_, err := usePositions(tx, unplaced)
	return err
}

var oldHistories = `SELECT ` + events.list + ` FROM events
	WHERE type = 'deleted' AND created_at < $1 ORDER BY created_at LIMIT $2`

// RemoveHistories deletes histories of bundles that were deleted before the given time, until limit events are deleted or none is
// left, and returns how many events that were. It may exceed the limit by one history.
func (s *Store) RemoveHistories(ctx context.Context, before time.Time, limit int) (int, error) {
	count := 0
	err := s.write(ctx, func(tx session) error {
		ends, err := queryAll(tx, events.scan, oldHistories, micros(before), limit)
		if err != nil {
			return err
		}
		count = 0
		for _, end := range ends {
			// A bundle with this SID may have been seeded again since.
			removed, err := removeEvents(tx, end.BundleSID, end.Number)
			if err != nil {
				return err
			}
			if count += int(removed); count >= limit {
				return nil
			}
		}
		return nil
	})
	return count, err
}

// eventPosition is the row of the last position.
type eventPosition struct{ id, last int64 }

var eventPositions = newTable(
	layout{name: "event_positions"},
	number("id", func(p *eventPosition) *int64 { return &p.id }),
	number("last", func(p *eventPosition) *int64 { return &p.last }),
)
