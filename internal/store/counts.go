package store

import (
	"context"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// openNoticesOf is counted in an index.
const openNoticesOf = `SELECT 1 FROM notices WHERE account_sid = $1 AND ended_at = 0`

// CountOpenNotices returns how many open notices the account has, at most limit.
func (s *Store) CountOpenNotices(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, statement{openNoticesOf, []any{accountSID}}, limit)
}

// CountChannelEndpoints returns how many channel endpoints are assigned to the account's bundles, limit if there are more.
func (s *Store) CountChannelEndpoints(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, statement{`SELECT 1 FROM channel_endpoints WHERE account_sid = $1`, []any{accountSID}}, limit)
}

// bundlesCreated is counted in an index: the Primary, which the account did not create, has a known SID.
const bundlesCreated = `SELECT 1 FROM bundles WHERE account_sid = $1 AND kind = $2 AND sid <> $3`

// CountBundles returns how many bundles of a kind the account has, not counting its Primary, limit if there are more.
func (s *Store) CountBundles(ctx context.Context, accountSID string, kind trust.Kind, limit int) (int, error) {
	return s.count(ctx, statement{bundlesCreated, []any{accountSID, string(kind), trust.PrimarySID(accountSID)}}, limit)
}
