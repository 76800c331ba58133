package store

import "context"

// CountProducts returns how many products the account has, limit if there are more.
func (s *Store) CountProducts(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, `SELECT 1 FROM products WHERE account_sid = $1`, accountSID, limit)
}

// CountOpenNotices returns how many notices the account's customers are still to be sent, limit if there are more.
func (s *Store) CountOpenNotices(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, `SELECT 1 FROM notices WHERE account_sid = $1 AND ended_at = 0`, accountSID, limit)
}

// count reads at most limit rows, all of them in an index.
func (s *Store) count(ctx context.Context, rows, accountSID string, limit int) (count int, err error) {
	err = s.read(ctx).row(`SELECT COUNT(*) FROM (`+rows+` LIMIT $2) AS counted`, accountSID, limit).Scan(&count)
	return count, s.classify(err)
}
