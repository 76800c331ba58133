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

// CreateProductOnce is CreateProduct for a caller who may repeat himself: with the same key and fingerprint within KeyLife of
// p.Created it stores one product and returns that one each time, as it was created. Key and product are one commit. It
// returns ErrKeyReused for a key that came with another fingerprint.
func (s *Store) CreateProductOnce(ctx context.Context, key, fingerprint string, p trust.Product) (trust.Product, error) {
	snapshot, err := json.Marshal(p)
	if err != nil {
		return trust.Product{}, fmt.Errorf("keep the answer: %w", err)
	}
	var answer trust.Product
	err = s.write(ctx, func(tx session) error {
		// Where another transaction is storing the same key, this waits for its end.
		fresh, err := tx.exec(`INSERT INTO idempotency_keys (account_sid, idempotency_key, fingerprint, product, created_at)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account_sid, idempotency_key) DO UPDATE SET
				fingerprint = excluded.fingerprint, product = excluded.product, created_at = excluded.created_at
			WHERE idempotency_keys.created_at <= $6`,
			p.AccountSID, key, fingerprint, string(snapshot), micros(p.Created), micros(p.Created.Add(-KeyLife)))
		if err != nil {
			return err
		}
		if fresh == 1 {
			answer = p
			return insertProducts(tx, []trust.Product{p})
		}
		answer, err = createdBefore(tx, key, fingerprint, p)
		return err
	})
	return answer, err
}

// CreatedBefore returns what CreateProductOnce would without storing p: the product of an earlier call with the same key, or
// ErrKeyReused, or ErrNotFound where p would be the first.
func (s *Store) CreatedBefore(ctx context.Context, key, fingerprint string, p trust.Product) (trust.Product, error) {
	first, err := createdBefore(s.read(ctx), key, fingerprint, p)
	return first, s.classify(err)
}

func createdBefore(q session, key, fingerprint string, p trust.Product) (first trust.Product, err error) {
	var known, stored string
	if err := q.row(`SELECT fingerprint, product FROM idempotency_keys
		WHERE account_sid = $1 AND idempotency_key = $2 AND created_at > $3`,
		p.AccountSID, key, micros(p.Created.Add(-KeyLife))).Scan(&known, &stored); err != nil {
		return trust.Product{}, err
	}
	if known != fingerprint {
		return trust.Product{}, ErrKeyReused
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
