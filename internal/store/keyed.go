package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// keyedRow is a new row whose request has an idempotency key.
type keyedRow[Row any] struct {
	saved  savedAnswer
	row    Row
	stored bool // otherwise an earlier request with the key has an answer
}

// requestKey is what is unique to a request.
type requestKey struct{ accountSID, key string }

func (k *keyedRow[Row]) key() requestKey { return requestKey{k.saved.AccountSID, k.saved.Key} }

// CreateOnce is Create for a caller who may repeat the request: each repeat within KeyLife returns the row that the first one
// stored, as it was then. Key and row are one commit. It returns ErrKeyReused if the key came with another request.
func (r *Resource[Row]) CreateOnce(ctx context.Context, request Request, row Row) (answer Row, err error) {
	if r.store.batches != nil {
		return createOnce(ctx, r.store, request, row, func(tx session) (Row, error) { return row, r.table.insert(tx, row) })
	}
	text, err := json.Marshal(row)
	if err != nil {
		return answer, fmt.Errorf("keep the answer: %w", err)
	}
	for {
		mine := &keyedRow[Row]{saved: savedAnswer{request, string(text)}, row: row}
		if err := r.keyedInserts.do(ctx, mine); err != nil {
			return answer, r.store.classify(err)
		}
		if mine.stored {
			return row, nil
		}
		answer, err = r.EarlierAnswer(ctx, request)
		if !errors.Is(err, ErrNotFound) { // otherwise the key has been removed in between
			return answer, err
		}
	}
}

// insertKeyedTogether is insertTogether for rows with keys. It stores the rows whose keys are new, and marks them as stored.
func (r *Resource[Row]) insertKeyedTogether(all []*keyedRow[Row]) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	// In the order of the keys, so that no two statements wait for each other. A statement cannot have a key twice.
	slices.SortStableFunc(all, func(a, b *keyedRow[Row]) int {
		return cmp.Or(cmp.Compare(a.saved.AccountSID, b.saved.AccountSID), cmp.Compare(a.saved.Key, b.saved.Key))
	})
	firsts := make(map[requestKey]*keyedRow[Row], len(all))
	answers, rows := make([]savedAnswer, 0, len(all)), make([]Row, 0, len(all))
	for _, k := range all {
		if firsts[k.key()] == nil {
			firsts[k.key()] = k
			answers, rows = append(answers, k.saved), append(rows, k.row)
		}
	}
	return r.store.writeOne(ctx, func(one session) error {
		values := append(savedAnswers.arrays(answers), r.table.arrays(rows)...)
		stored, err := queryAll(one, scanRequestKey, r.insertKeyed, values...)
		for _, key := range stored {
			firsts[key].stored = true
		}
		return err
	})
}

// insertKeyedText is INSERT for any number of answers and of rows, whose values are those of savedAnswers.arrays and t.arrays. It
// stores the new keys and their rows, and returns these keys. Where another transaction is storing one of the keys, it waits for
// its end.
func (t *table[Row]) insertKeyedText() string {
	return `WITH stored AS (` + savedAnswers.insertArrays + ifNew + `
			RETURNING account_sid, idempotency_key
		), inserted AS (
			INSERT INTO ` + t.name + ` (` + t.list + `)
			SELECT ` + t.list + ` FROM unnest($1::TEXT[], $2::TEXT[], ` + t.arrayParameters(1+len(savedAnswers.fields)) + `)
				AS given (key_account, key, ` + t.list + `)
			WHERE (key_account, key) IN (SELECT account_sid, idempotency_key FROM stored)
		)
		SELECT account_sid, idempotency_key FROM stored`
}

func scanRequestKey(row scanner) (k requestKey, err error) { return k, row.Scan(&k.accountSID, &k.key) }
