package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrKeyReused means that the idempotency key was used with another request.
var ErrKeyReused = errors.New("the idempotency key was used with another request")

// KeyLife is how long an idempotency key is kept.
const KeyLife = 24 * time.Hour

// Request identifies a request that its caller may repeat and that must be carried out once.
type Request struct {
	AccountSID  string // whose key it is
	Key         string
	Operation   string // the name of what is requested
	Fingerprint string // of its parameters
	At          time.Time
}

// savedAnswer is the first request with a key, and its answer as JSON.
type savedAnswer struct {
	Request

	answer string
}

var savedAnswers = newTable(
	layout{name: "idempotency_keys"},
	text("account_sid", func(a *savedAnswer) *string { return &a.AccountSID }),
	text("idempotency_key", func(a *savedAnswer) *string { return &a.Key }),
	text("operation", func(a *savedAnswer) *string { return &a.Operation }),
	text("fingerprint", func(a *savedAnswer) *string { return &a.Fingerprint }),
	text("answer", func(a *savedAnswer) *string { return &a.answer }),
	moment("created_at", func(a *savedAnswer) *time.Time { return &a.At }),
)

// ifNew, after an INSERT of answers, replaces an answer that is older than KeyLife, and no other.
var ifNew = `
	ON CONFLICT (account_sid, idempotency_key) DO UPDATE SET operation = excluded.operation, fingerprint = excluded.fingerprint,
		answer = excluded.answer, created_at = excluded.created_at
	WHERE idempotency_keys.created_at <= excluded.created_at - ` + strconv.FormatInt(KeyLife.Microseconds(), 10)

var saveAnswer = savedAnswers.insertOne + ifNew

// createOnce runs create in a transaction, unless the request is a repeat. It returns what create returned, or what the first
// request did. row is the answer as far as it is known before create runs; it is stored first.
func createOnce[Row any](
	ctx context.Context, s *Store, request Request, row Row, create func(tx session) (Row, error),
) (answer Row, err error) {
	text, err := json.Marshal(row)
	if err != nil {
		return answer, fmt.Errorf("keep the answer: %w", err)
	}
	err = s.write(ctx, func(tx session) error {
		// Where another transaction is storing the same key, this waits for its end.
		first, err := savedAnswers.execInsert(tx, saveAnswer, savedAnswer{request, string(text)})
		if err != nil {
			return err
		}
		if first == 1 {
			answer, err = create(tx)
		} else {
			answer, err = earlierAnswer[Row](tx, request)
		}
		return err
	})
	return answer, err
}

// save stores a row that before completes in the same transaction, or refuses. With a request, each repeat within KeyLife returns
// the row that the first one stored, as in CreateOnce.
func (r *Resource[Row]) save(
	ctx context.Context, request *Request, row Row, before func(tx session, row *Row) error,
) (Row, error) {
	create := func(tx session) (Row, error) {
		complete := row
		if err := before(tx, &complete); err != nil {
			return row, err
		}
		return complete, r.table.insert(tx, complete)
	}
	if request == nil {
		stored := row
		err := r.store.write(ctx, func(tx session) (err error) {
			stored, err = create(tx)
			return err
		})
		return stored, err
	}
	if r.store.batches != nil {
		return createThenSave(ctx, r.store, *request, create)
	}
	return createOnce(ctx, r.store, *request, row, func(tx session) (Row, error) {
		stored, err := create(tx)
		if err != nil {
			return row, err
		}
		text, err := json.Marshal(stored)
		if err != nil {
			return row, fmt.Errorf("keep the answer: %w", err)
		}
		_, err = tx.exec(`UPDATE idempotency_keys SET answer = $1 WHERE account_sid = $2 AND idempotency_key = $3`,
			string(text), request.AccountSID, request.Key)
		return stored, err
	})
}

// createThenSave is createOnce for SQLite, where transactions do not overlap, so that the key need not be stored first. A create
// that is refused before it writes then leaves nothing to undo, see batcher. CreateOnce does not use it: its create is not
// refused, and to store the key first saves a query.
func createThenSave[Row any](
	ctx context.Context, s *Store, request Request, create func(tx session) (Row, error),
) (answer Row, err error) {
	err = s.write(ctx, func(tx session) (err error) {
		answer, err = earlierAnswer[Row](tx, request)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if answer, err = create(tx); err != nil {
			return err
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return fmt.Errorf("keep the answer: %w", err)
		}
		_, err = savedAnswers.execInsert(tx, saveAnswer, savedAnswer{request, string(text)})
		return err
	})
	return answer, err
}

// EarlierAnswer returns the row that an earlier request with the same key stored, ErrKeyReused if that was another request, or
// ErrNotFound if there was none within KeyLife.
func (r *Resource[Row]) EarlierAnswer(ctx context.Context, request Request) (Row, error) {
	row, err := earlierAnswer[Row](r.store.read(ctx), request)
	return row, r.store.classify(err)
}

func earlierAnswer[Row any](q session, request Request) (row Row, err error) {
	first, err := savedAnswers.scan(q.row(`SELECT `+savedAnswers.list+` FROM idempotency_keys
		WHERE account_sid = $1 AND idempotency_key = $2 AND created_at > $3`,
		request.AccountSID, request.Key, micros(request.At.Add(-KeyLife))))
	switch {
	case err != nil:
		return row, err
	case first.Operation != request.Operation || first.Fingerprint != request.Fingerprint:
		return row, ErrKeyReused
	}
	return row, json.Unmarshal([]byte(first.answer), &row)
}

// RemoveKeys deletes up to limit idempotency keys that were stored before the given time, and returns how many. A key that is
// stored again at the same time stays.
func (s *Store) RemoveKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	removed, err := s.exec(ctx, `WITH old AS MATERIALIZED (
			SELECT account_sid AS a, idempotency_key AS k FROM idempotency_keys WHERE created_at < $1
			ORDER BY created_at LIMIT $2`+
		s.engine.skipLocked+`)
		DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN (SELECT a, k FROM old)`,
		micros(before), limit)
	return int(removed), err
}
