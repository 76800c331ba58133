package store

import (
	"context"
	"fmt"
)

// Mark returns a text that differs from an earlier one if accounts, bundles, their histories or notices have changed in between,
// whichever process changed them. It costs a few look-ups in indexes.
func (s *Store) Mark(ctx context.Context) (string, error) {
	event, err := s.LatestPosition(ctx)
	if err != nil {
		return "", err
	}
	var account, bundle, notice string
	var ended, due, leased int64
	err = s.read(ctx).row(`SELECT COALESCE((SELECT MAX(sid) FROM accounts), ''), COALESCE((SELECT MAX(sid) FROM bundles), ''),
			COALESCE((SELECT MAX(id) FROM notices), ''),
			COALESCE((SELECT MAX(ended_at) FROM notices WHERE ended_at > 0), 0),
			COALESCE((SELECT MAX(due_at) FROM notices WHERE due_at > 0), 0),
			COALESCE((SELECT MAX(leased_until) FROM notices WHERE leased_until > 0), 0)`,
	).Scan(&account, &bundle, &notice, &ended, &due, &leased)
	return fmt.Sprint(account, bundle, notice, " ", event, ended, due, leased), s.classify(err)
}
