package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/store"
)

// collection is a resource with a limit for each account.
type collection[Row any] struct {
	*store.Resource[Row]

	quota *quota
	now   func() time.Time
}

// newCollection returns a collection. name is used in messages.
func newCollection[Row any](
	r *store.Resource[Row], name string, limit int, count counter, now func() time.Time,
) collection[Row] {
	return collection[Row]{r, newQuota(limit, tooMany(limit, name), count, now), now}
}

// countIn returns the counter of a resource whose scope is an account.
func countIn[Row any](r *store.Resource[Row]) counter {
	return func(ctx context.Context, accountSID string, limit int) (int, error) {
		return r.Count(ctx, store.Scope{accountSID}, limit)
	}
}

// request is a create request.
type request struct {
	operation string // of the contract
	key       *string
	content   any // what a repeat has in common with it: the body, and what the path names
}

// create stores the row unless the account has reached its limit. Requests with the same Idempotency-Key and body store one row
// and return it, even after the account has reached its limit.
func (c collection[Row]) create(ctx context.Context, r request, row Row) (Row, error) {
	return c.createWith(ctx, r, func(once *store.Request) (Row, error) {
		if once == nil {
			return row, c.Create(ctx, row)
		}
		return c.CreateOnce(ctx, *once, row)
	})
}

// createWith is create for a row that save stores, once for all repeats of a request. A nil request has no repeats.
func (c collection[Row]) createWith(ctx context.Context, r request, save func(*store.Request) (Row, error)) (row Row, err error) {
	accountSID := api.AccountSID(ctx)
	once, err := r.once(accountSID, c.now())
	if err != nil {
		return row, err
	}
	refused := c.quota.reserve(ctx, accountSID, 1)
	if refused == nil {
		defer c.quota.settle(accountSID, 1)
		return save(once)
	}
	if once == nil {
		return row, refused
	}
	row, err = c.EarlierAnswer(ctx, *once)
	if errors.Is(err, store.ErrNotFound) {
		err = refused
	}
	return row, err
}

// once returns what tells a repeat of the request from another one, nil if the request has no Idempotency-Key.
func (r request) once(accountSID string, now time.Time) (*store.Request, error) {
	if r.key == nil {
		return nil, nil
	}
	content, err := json.Marshal(r.content)
	if err != nil {
		return nil, err
	}
	fingerprint := sha256.Sum256(content)
	return &store.Request{
		AccountSID: accountSID, Key: *r.key, Operation: r.operation, Fingerprint: hex.EncodeToString(fingerprint[:]), At: now,
	}, nil
}
