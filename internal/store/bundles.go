package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const bundleColumns = `sid, kind, account_sid, policy_sid, friendly_name, email, status_callback, status, valid_until, errors,
	created_at, updated_at, due_at`

// accountBundle is the query for the account's bundle of a kind.
const accountBundle = `SELECT ` + bundleColumns + ` FROM bundles WHERE sid = $1 AND account_sid = $2 AND kind = $3`

// CreateBundle stores a new bundle.
func (s *Store) CreateBundle(ctx context.Context, b trust.Bundle) error {
	if s.inserts != nil {
		return s.classify(s.inserts.do(ctx, b))
	}
	return s.writeOne(ctx, func(one session) error { return insertBundles(one, []trust.Bundle{b}) })
}

// UpdateBundle reads the account's bundle of the kind, has change say what becomes of it, and stores that with the notices
// that it causes, all in one transaction that no other change to the bundle overlaps. It returns the bundle as stored, or
// ErrNotFound, or the error of change, after which everything is as it was.
func (s *Store) UpdateBundle(
	ctx context.Context, accountSID string, kind trust.Kind, sid string, change func(trust.Bundle) (trust.Outcome, error),
) (trust.Bundle, error) {
	return s.update(ctx, change, accountBundle, sid, accountSID, string(kind))
}

// ReviewBundle is UpdateBundle for the reviewer, who may act on every account's bundles.
func (s *Store) ReviewBundle(
	ctx context.Context, sid string, change func(trust.Bundle) (trust.Outcome, error),
) (trust.Bundle, error) {
	return s.update(ctx, change, `SELECT `+bundleColumns+` FROM bundles WHERE sid = $1`, sid)
}

func (s *Store) update(
	ctx context.Context, change func(trust.Bundle) (trust.Outcome, error), query string, args ...any,
) (trust.Bundle, error) {
	var outcome trust.Outcome
	err := s.write(ctx, func(tx session) error {
		before, err := scanBundle(tx.row(query+s.engine.lockRow, args...))
		if err != nil {
			return err
		}
		if outcome, err = change(before); err != nil {
			return err
		}
		if !outcome.Changed {
			outcome.Bundle = before
		}
		return storeOutcome(tx, outcome)
	})
	if err == nil && outcome.Changed {
		s.wake()
	}
	return outcome.Bundle, err
}

// DeleteBundle removes the account's bundle of the kind where allowed agrees, and ends all that was still to be told of it.
// It returns ErrNotFound, or the error of allowed.
func (s *Store) DeleteBundle(
	ctx context.Context, accountSID string, kind trust.Kind, sid string, now time.Time, allowed func(trust.Bundle) error,
) error {
	return s.write(ctx, func(tx session) error {
		b, err := scanBundle(tx.row(accountBundle+s.engine.lockRow, sid, accountSID, string(kind)))
		if err != nil {
			return err
		}
		if err := allowed(b); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE notices SET state = $1, due_at = 0, `+endLease+`, ended_at = $2
			WHERE bundle_sid = $3 AND `+isOpen, string(Dropped), micros(now), sid); err != nil {
			return err
		}
		_, err = tx.exec(`DELETE FROM bundles WHERE sid = $1`, sid)
		return err
	})
}

// ElapseBundles lets time act on up to limit bundles whose status changes by itself by now, in one transaction, and
// returns how many there were.
func (s *Store) ElapseBundles(
	ctx context.Context, now time.Time, limit int, elapse func(trust.Bundle) (trust.Outcome, error),
) (int, error) {
	count := 0
	err := s.write(ctx, func(tx session) error {
		due, err := queryAll(tx, scanBundle, `SELECT `+bundleColumns+` FROM bundles
			WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2`+s.engine.skipLocked, micros(now), limit)
		if err != nil {
			return err
		}
		for _, b := range due {
			outcome, err := elapse(b)
			if err != nil {
				return err
			}
			if err := storeOutcome(tx, outcome); err != nil {
				return err
			}
		}
		count = len(due)
		return nil
	})
	return count, err
}

// NextElapse returns when the next bundle's status changes by itself, zero if none does.
func (s *Store) NextElapse(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.read(ctx).row(`SELECT MIN(due_at) FROM bundles WHERE due_at > 0`).Scan(&due)
	return fromMicros(due.Int64), s.classify(err)
}

// ScheduledReviews returns up to limit bundles in review whose status changes by itself after the given time, in the order of
// their SIDs and from behind the SID after.
func (s *Store) ScheduledReviews(ctx context.Context, due time.Time, after string, limit int) ([]trust.Bundle, error) {
	all, err := queryAll(s.read(ctx), scanBundle, `SELECT `+bundleColumns+` FROM bundles
		WHERE due_at > 0 AND status IN ('pending-review', 'in-review') AND due_at > $1 AND sid > $2 ORDER BY sid LIMIT $3`,
		micros(due), after, limit)
	return all, s.classify(err)
}

// storeOutcome writes a changed bundle and queues its notices.
func storeOutcome(tx session, outcome trust.Outcome) error {
	if !outcome.Changed {
		return nil
	}
	b := outcome.Bundle
	_, err := tx.exec(`UPDATE bundles SET friendly_name = $1, email = $2, status_callback = $3, status = $4,
		valid_until = $5, errors = $6, updated_at = $7, due_at = $8 WHERE sid = $9`,
		b.FriendlyName, b.Email, b.StatusCallback, string(b.Status),
		micros(b.ValidUntil), joinCodes(b.Errors), micros(b.Updated), micros(b.Due), b.SID)
	if err != nil {
		return err
	}
	for _, notice := range outcome.Notices {
		if err := insertNotice(tx, notice); err != nil {
			return err
		}
	}
	return nil
}

// UndecidedBundles returns up to limit bundles that wait for a reviewer, the longest waiting first.
func (s *Store) UndecidedBundles(ctx context.Context, limit int) ([]trust.Bundle, error) {
	all, err := queryAll(s.read(ctx), scanBundle, `SELECT `+bundleColumns+` FROM bundles
		WHERE status IN ($1, $2) ORDER BY updated_at, sid LIMIT $3`,
		string(trust.PendingReview), string(trust.InReview), limit)
	return all, s.classify(err)
}

// Bundle returns the account's bundle of the kind with this SID, or ErrNotFound.
func (s *Store) Bundle(ctx context.Context, accountSID string, kind trust.Kind, sid string) (trust.Bundle, error) {
	b, err := scanBundle(s.read(ctx).row(accountBundle, sid, accountSID, string(kind)))
	return b, s.classify(err)
}

func scanBundle(row scanner) (trust.Bundle, error) {
	var b trust.Bundle
	var kind, status, codes string
	var validUntil, created, updated, due int64
	err := row.Scan(&b.SID, &kind, &b.AccountSID, &b.PolicySID, &b.FriendlyName, &b.Email, &b.StatusCallback, &status,
		&validUntil, &codes, &created, &updated, &due)
	if err != nil {
		return trust.Bundle{}, err
	}
	b.Kind, b.Status = trust.Kind(kind), trust.Status(status)
	b.ValidUntil, b.Created, b.Updated = fromMicros(validUntil), fromMicros(created), fromMicros(updated)
	b.Due = fromMicros(due)
	b.Errors, err = splitCodes(codes)
	return b, err
}

func joinCodes(codes []int) string {
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = strconv.Itoa(code)
	}
	return strings.Join(words, ",")
}

func splitCodes(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var codes []int
	for word := range strings.SplitSeq(s, ",") {
		code, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("column errors: %w", err)
		}
		codes = append(codes, code)
	}
	return codes, nil
}
