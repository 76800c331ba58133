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

// newCollection returns a collection. name is used in messages; of returns an account's scope.
func newCollection[Row any](
	r *store.Resource[Row], name string, limit int, of func(accountSID string) store.Scope, now func() time.Time,
) collection[Row] {
	count := func(ctx context.Context, accountSID string, limit int) (int, error) {
		return r.Count(ctx, of(accountSID), limit)
	}
	return collection[Row]{r, newQuota(limit, tooMany(limit, name), count, now), now}
}

// request is a create request.
type request struct {
	operation string // of the contract
	key       *string
	body      any
}

// create stores the row unless the account has reached its limit. Requests with the same Idempotency-Key and body store one row
// and return it, even after the account has reached its limit.
func (c collection[Row]) create(ctx context.Context, r request, row Row) (Row, error) {
	accountSID := api.AccountSID(ctx)
	refused := c.quota.reserve(ctx, accountSID, 1)
	if refused == nil {
		defer c.quota.settle(accountSID, 1)
	}
	if r.key == nil {
		if refused == nil {
			refused = c.Create(ctx, row)
		}
		return row, refused
	}
	body, err := json.Marshal(r.body)
	if err != nil {
		return row, err
	}
	fingerprint := sha256.Sum256(body)
	once := store.Request{
		AccountSID: accountSID, Key: *r.key, Operation: r.operation, Fingerprint: hex.EncodeToString(fingerprint[:]), At: c.now(),
	}
	if refused == nil {
		return c.CreateOnce(ctx, once, row)
	}
	first, err := c.EarlierAnswer(ctx, once)
	if errors.Is(err, store.ErrNotFound) {
		err = refused
	}
	return first, err
}
