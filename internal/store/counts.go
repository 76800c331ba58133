package store

import (
	"context"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// What is counted, each in an index.
const (
	bundlesOf     = `SELECT 1 FROM bundles WHERE account_sid = $1 AND kind = $2`
	openNoticesOf = `SELECT 1 FROM notices WHERE account_sid = $1 AND ended_at = 0`
)

// CountBundles returns how many bundles of the kind the account has, limit if there are more.
func (s *Store) CountBundles(ctx context.Context, accountSID string, kind trust.Kind, limit int) (int, error) {
	return s.count(ctx, bundlesOf, limit, accountSID, string(kind))
}

// CountOpenNotices returns how many notices of the account are open, limit if there are more.
func (s *Store) CountOpenNotices(ctx context.Context, accountSID string, limit int) (int, error) {
	return s.count(ctx, openNoticesOf, limit, accountSID)
}

func (s *Store) count(ctx context.Context, rows string, limit int, args ...any) (count int, err error) {
	query := `SELECT COUNT(*) FROM (` + rows + ` LIMIT $` + strconv.Itoa(len(args)+1) + `) AS counted`
	err = s.read(ctx).row(query, append(args, limit)...).Scan(&count)
	return count, s.classify(err)
}
