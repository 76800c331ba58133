package store

import "context"

// What is counted, each in an index.
const (
	productsOf    = `SELECT 1 FROM products WHERE account_sid = $1`
	openNoticesOf = `SELECT 1 FROM notices WHERE account_sid = $1 AND ended_at = 0`
)

// CountProducts returns how many products the account has, limit if there are more.
func (s *Store) CountProducts(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, productsOf, accountSID, limit)
}

// CountOpenNotices returns how many notices of the account are open, limit if there are more.
func (s *Store) CountOpenNotices(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, openNoticesOf, accountSID, limit)
}

func (s *Store) count(ctx context.Context, rows, accountSID string, limit int) (count int, err error) {
	err = s.read(ctx).row(`SELECT COUNT(*) FROM (`+rows+` LIMIT $2) AS counted`, accountSID, limit).Scan(&count)
	return count, s.classify(err)
}
