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
	saved savedAnswer
	row   Row

	// Set when it is done:
	answer Row   // row, or what the first request returned
	err    error // if the key was used with another request
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
	mine := &keyedRow[Row]{saved: savedAnswer{request, string(text)}, row: row}
	if err := r.keyedInserts.do(ctx, mine); err != nil {
		return answer, r.store.classify(err)
	}
	return mine.answer, mine.err
}

// insertKeyedTogether is insertTogether for rows with keys: it stores the keys in one statement, and the rows of those that are
// new in another.
func (r *Resource[Row]) insertKeyedTogether(all []*keyedRow[Row]) error {
	ctx, cancel := context.WithTimeout(context.Background(), insertLimit)
	defer cancel()
	// In the order of the keys, so that no two transactions wait for each other. A statement cannot have a key twice.
	slices.SortStableFunc(all, func(a, b *keyedRow[Row]) int {
		return cmp.Or(cmp.Compare(a.saved.AccountSID, b.saved.AccountSID), cmp.Compare(a.saved.Key, b.saved.Key))
	})
	answers := make([]savedAnswer, 0, len(all))
	for i, k := range all {
		if i == 0 || k.key() != all[i-1].key() {
			answers = append(answers, k.saved)
		}
	}
	return r.store.write(ctx, func(tx session) error {
		// Where another transaction is storing one of the keys, this waits for its end.
		insert := savedAnswers.insertText(len(answers)) + ifNew + ` RETURNING account_sid, idempotency_key`
		stored, err := queryAll(tx, scanRequestKey, insert, savedAnswers.values(answers)...)
		if err != nil {
			return err
		}
		isNew := make(map[requestKey]bool, len(stored))
		for _, key := range stored {
			isNew[key] = true
		}
		rows := make([]Row, 0, len(stored))
		for _, k := range all {
			if isNew[k.key()] {
				isNew[k.key()] = false // others with this key repeat it
				k.answer, k.err = k.row, nil
				rows = append(rows, k.row)
				continue
			}
			k.answer, k.err = earlierAnswer[Row](tx, k.saved.Request)
			if k.err != nil && !errors.Is(k.err, ErrKeyReused) {
				return k.err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return r.table.insert(tx, rows...)
	})
}

func scanRequestKey(row scanner) (k requestKey, err error) { return k, row.Scan(&k.accountSID, &k.key) }
