package store

import (
	"context"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// Mark returns a text that differs from an earlier one if accounts, bundles, their histories or notices have changed in between,
// whichever process changed them. It costs a few look-ups in indexes. An account or bundle with a SID that is not of its time, as
// seeds have, and the rotation of a token are noticed only with other changes.
func (s *Store) Mark(ctx context.Context, now time.Time) (string, error) {
	event, err := s.LatestPosition(ctx)
	if err != nil {
		return "", err
	}
	var account, bundle, notice string
	var ended, due, leased int64
	// SIDs are in the order of their times. Those that come from elsewhere, such as of Primaries, are mostly above all of them.
	// The clocks of other servers may be ahead.
	end := now.Add(24 * time.Hour)
	err = s.read(ctx).row(`SELECT COALESCE((SELECT MAX(sid) FROM accounts WHERE sid < $1), ''),
			COALESCE((SELECT MAX(sid) FROM bundles WHERE sid < $2), ''),
			COALESCE((SELECT MAX(id) FROM notices), ''),
			COALESCE((SELECT MAX(ended_at) FROM notices WHERE ended_at > 0), 0),
			COALESCE((SELECT MAX(due_at) FROM notices WHERE due_at > 0), 0),
			COALESCE((SELECT MAX(leased_until) FROM notices WHERE leased_until > 0), 0)`,
		trust.NewSID(trust.AccountPrefix, end), trust.NewSID(trust.BundlePrefix, end),
	).Scan(&account, &bundle, &notice, &ended, &due, &leased)
	return fmt.Sprint(event, account, bundle, notice, " ", ended, due, leased), s.classify(err)
}
