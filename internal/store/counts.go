package store

import "context"

// openNoticesOf is counted in an index.
const openNoticesOf = `SELECT 1 FROM notices WHERE account_sid = $1 AND ended_at = 0`

// CountOpenNotices returns how many open notices the account has, at most limit.
func (s *Store) CountOpenNotices(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, statement{openNoticesOf, []any{accountSID}}, limit)
}
