package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

var bundles = newTable(
	layout{name: "bundles", scope: []string{"account_sid", "kind"}, indexed: []string{"status"}},
	fixed(text("sid", func(b *trust.Bundle) *string { return &b.SID })),
	fixed(text("kind", func(b *trust.Bundle) *trust.Kind { return &b.Kind })),
	fixed(text("account_sid", func(b *trust.Bundle) *string { return &b.AccountSID })),
	fixed(text("policy_sid", func(b *trust.Bundle) *string { return &b.PolicySID })),
	text("friendly_name", func(b *trust.Bundle) *string { return &b.FriendlyName }),
	text("email", func(b *trust.Bundle) *string { return &b.Email }),
	text("status_callback", func(b *trust.Bundle) *string { return &b.StatusCallback }),
	text("status", func(b *trust.Bundle) *trust.Status { return &b.Status }),
	moment("valid_until", func(b *trust.Bundle) *time.Time { return &b.ValidUntil }),
	codes("errors", func(b *trust.Bundle) *[]int { return &b.Errors }),
	number("noncompliance", func(b *trust.Bundle) *int { return &b.Noncompliance }),
	fixed(moment("created_at", func(b *trust.Bundle) *time.Time { return &b.Created })),
	moment("updated_at", func(b *trust.Bundle) *time.Time { return &b.Updated }),
	moment("due_at", func(b *trust.Bundle) *time.Time { return &b.Due }),
)

// bundleStates are bundles with only what decides whether their contents can be changed.
var bundleStates = bundles.only("sid", "kind", "account_sid", "policy_sid", "status")

// BundlesOf is the scope of an account's bundles of a kind.
func BundlesOf(accountSID string, kind trust.Kind) Scope { return Scope{accountSID, string(kind)} }

// UpdateBundle is Resource.Update for a change with an outcome, all of which it stores in the same transaction. If the outcome is
// refused, UpdateBundle stores the evaluation and returns the outcome's error.
func (s *Store) UpdateBundle(
	ctx context.Context, of Scope, sid string, change func(trust.Bundle) (trust.Outcome, error),
) (trust.Bundle, error) {
	if err := s.Bundles.check(of); err != nil {
		return trust.Bundle{}, err
	}
	return s.updateBundle(ctx, of, sid, change)
}

// ReviewBundle is UpdateBundle for the reviewer, who may act on every account's bundles.
func (s *Store) ReviewBundle(
	ctx context.Context, sid string, change func(trust.Bundle) (trust.Outcome, error),
) (trust.Bundle, error) {
	return s.updateBundle(ctx, nil, sid, change)
}

func (s *Store) updateBundle(
	ctx context.Context, of Scope, sid string, change func(trust.Bundle) (trust.Outcome, error),
) (trust.Bundle, error) {
	var outcome trust.Outcome
	b, err := s.Bundles.update(ctx, of, sid, func(tx session, b *trust.Bundle) (changed bool, err error) {
		if outcome, err = change(*b); err != nil {
			return false, err
		}
		if outcome.Judge != nil {
			assigned, err := assignedTo(tx, b.SID)
			if err != nil {
				return false, err
			}
			outcome = outcome.Judge(assigned)
		}
		if outcome.Changed {
			*b = outcome.Bundle
		}
		if err := insertEvaluation(tx, outcome.Evaluation); err != nil {
			return false, err
		}
		if err := addEvents(tx, b, outcome.Events...); err != nil {
			return false, err
		}
		return outcome.Changed, s.insertNotices(tx, outcome.Notices)
	})
	if err != nil {
		return b, err
	}
	if outcome.Changed {
		s.changes.add(outcome)
		s.wake()
	}
	return b, outcome.Refused
}

// DeleteBundle removes the bundle if allowed returns nil, with all that belongs to it, and drops its open notices. allowed gets
// the statuses of the bundles that this one is assigned to. DeleteBundle returns ErrNotFound, the error of allowed, or
// trust.ErrPrimary. The bundle's history is kept for a while, see RemoveHistories.
func (s *Store) DeleteBundle(
	ctx context.Context, of Scope, sid string, by trust.Origin, allowed func(b trust.Bundle, assignedTo []trust.Status) error,
) error {
	b, err := s.Bundles.Fetch(ctx, of, sid)
	if err == nil {
		err = b.Restricted() // before anything is locked, because a Primary may be assigned to many bundles of other accounts
	}
	if err != nil {
		return err
	}
	return s.Bundles.deleteObject(ctx, of, sid, by, func(tx session, b trust.Bundle, assignedTo []trust.Status) error {
		if err := allowed(b, assignedTo); err != nil {
			return err
		}
		if err := addEvents(tx, &b, trust.Event{Origin: by, Type: trust.EventDeleted}); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE notices SET state = $1, due_at = 0, `+endLease+`, ended_at = $2
			WHERE bundle_sid = $3 AND `+isOpen, string(Dropped), micros(by.At), sid)
		return err
	})
}

// AdvanceBundles calls advance for up to limit bundles that are due at now, stores the outcomes in one transaction, and returns
// how many bundles there were.
func (s *Store) AdvanceBundles(
	ctx context.Context, now time.Time, limit int, advance func(trust.Bundle) (trust.Outcome, error),
) (int, error) {
	var outcomes []trust.Outcome
	err := s.write(ctx, func(tx session) error {
		outcomes = nil
		due, err := queryAll(tx, bundles.scan, `SELECT `+bundles.list+` FROM bundles
			WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2`+s.engine.skipLocked, micros(now), limit)
		if err != nil {
			return err
		}
		for _, b := range due {
			outcome, err := advance(b)
			if err != nil {
				return err
			}
			if err := s.storeOutcome(tx, &b, outcome); err != nil {
				return err
			}
			outcomes = append(outcomes, outcome)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, outcome := range outcomes {
		s.changes.add(outcome)
	}
	return len(outcomes), nil
}

// NextAdvance returns when the next bundle is due, or the zero time if none is.
func (s *Store) NextAdvance(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.read(ctx).row(`SELECT MIN(due_at) FROM bundles WHERE due_at > 0`).Scan(&due)
	return fromMicros(due.Int64), s.classify(err)
}

// ScheduledReviews returns up to limit bundles under review that are due later than the given time, ordered by SID and starting
// after the SID after.
func (s *Store) ScheduledReviews(ctx context.Context, due time.Time, after string, limit int) ([]trust.Bundle, error) {
	all, err := queryAll(s.read(ctx), bundles.scan, `SELECT `+bundles.list+` FROM bundles
		WHERE due_at > 0 AND status IN ('pending-review', 'in-review') AND due_at > $1 AND sid > $2 ORDER BY sid LIMIT $3`,
		micros(due), after, limit)
	return all, s.classify(err)
}

// storeOutcome writes a changed bundle, which was read as old, and its events, and queues its notices.
func (s *Store) storeOutcome(tx session, old *trust.Bundle, outcome trust.Outcome) error {
	if !outcome.Changed {
		return nil
	}
	if err := bundles.update(tx, old, &outcome.Bundle); err != nil {
		return err
	}
	if err := addEvents(tx, old, outcome.Events...); err != nil {
		return err
	}
	return s.insertNotices(tx, outcome.Notices)
}

// Bundle returns the bundle with this SID, of any account, or ErrNotFound.
func (s *Store) Bundle(ctx context.Context, sid string) (trust.Bundle, error) {
	b, err := bundles.fetch(s.read(ctx), nil, sid, "")
	return b, s.classify(err)
}

// UndecidedBundles returns up to limit bundles that wait for a reviewer, those that have waited longest first, and only those
// behind after.
func (s *Store) UndecidedBundles(ctx context.Context, after Place, limit int) ([]trust.Bundle, error) {
	all, err := queryAll(s.read(ctx), bundles.scan, `SELECT `+bundles.list+` FROM bundles
		WHERE status IN ($1, $2) AND (updated_at, sid) > ($3, $4) ORDER BY updated_at, sid LIMIT $5`,
		string(trust.PendingReview), string(trust.InReview), micros(after.Time), after.SID, limit)
	return all, s.classify(err)
}

// codes is a column for a list of codes, which are kept with commas between them.
func codes[Row any](name string, field func(*Row) *[]int) column[Row] {
	return converted(name, field, `''`, joinCodes, splitCodes)
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
			return nil, err
		}
		codes = append(codes, code)
	}
	return codes, nil
}
