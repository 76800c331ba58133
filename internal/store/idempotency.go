package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// ErrKeyReused says that an idempotency key has been used with another body.
var ErrKeyReused = errors.New("the idempotency key was used with another body")

// KeyLife is how long an idempotency key is remembered.
const KeyLife = 24 * time.Hour

// CreateBundleOnce is CreateBundle for a caller who may repeat himself: with the same key and fingerprint within KeyLife of
// b.Created it stores one bundle and returns that one each time, as it was created. Key and bundle are one commit. It
// returns ErrKeyReused for a key that came with another fingerprint.
func (s *Store) CreateBundleOnce(ctx context.Context, key, fingerprint string, b trust.Bundle) (trust.Bundle, error) {
	snapshot, err := json.Marshal(b)
	if err != nil {
		return trust.Bundle{}, fmt.Errorf("keep the answer: %w", err)
	}
	var answer trust.Bundle
	err = s.write(ctx, func(tx session) error {
		// Where another transaction is storing the same key, this waits for its end.
		fresh, err := tx.exec(`INSERT INTO idempotency_keys (account_sid, idempotency_key, fingerprint, answer, created_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account_sid, idempotency_key) DO UPDATE SET
				fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
			WHERE idempotency_keys.created_at <= $6`,
			b.AccountSID, key, fingerprint, string(snapshot), micros(b.Created), micros(b.Created.Add(-KeyLife)))
		if err != nil {
			return err
		}
		if fresh == 1 {
			answer = b
			return insertBundles(tx, []trust.Bundle{b})
		}
		answer, err = createdBefore(tx, key, fingerprint, b)
		return err
	})
	return answer, err
}

// CreatedBefore returns what CreateBundleOnce would without storing b: the bundle of an earlier call with the same key, or
// ErrKeyReused, or ErrNotFound where b would be the first.
func (s *Store) CreatedBefore(ctx context.Context, key, fingerprint string, b trust.Bundle) (trust.Bundle, error) {
	first, err := createdBefore(s.read(ctx), key, fingerprint, b)
	return first, s.classify(err)
}

func createdBefore(q session, key, fingerprint string, b trust.Bundle) (first trust.Bundle, err error) {
	var known, stored string
	if err := q.row(`SELECT fingerprint, answer FROM idempotency_keys
		WHERE account_sid = $1 AND idempotency_key = $2 AND created_at > $3`,
		b.AccountSID, key, micros(b.Created.Add(-KeyLife))).Scan(&known, &stored); err != nil {
		return trust.Bundle{}, err
	}
	if known != fingerprint {
		return trust.Bundle{}, ErrKeyReused
	}
	return first, json.Unmarshal([]byte(stored), &first)
}

// RemoveKeys removes up to limit idempotency keys that were stored before the given time, and returns how many. One that is
// being stored anew meanwhile stays.
func (s *Store) RemoveKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	removed, err := s.exec(ctx, `WITH old AS MATERIALIZED (
			SELECT account_sid AS a, idempotency_key AS k FROM idempotency_keys WHERE created_at < $1
			ORDER BY created_at LIMIT $2`+
		s.engine.skipLocked+`)
		DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN (SELECT a, k FROM old)`,
		micros(before), limit)
	return int(removed), err
}
