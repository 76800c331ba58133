package store

import "context"

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
