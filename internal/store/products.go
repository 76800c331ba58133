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

const productColumns = `sid, account_sid, policy_sid, friendly_name, email, status_callback, status, valid_until, errors,
	created_at, updated_at, due_at`

// CreateProduct stores a new product.
func (s *Store) CreateProduct(ctx context.Context, p trust.Product) error {
	if s.inserts != nil {
		return s.classify(s.inserts.do(ctx, p))
	}
	return s.writeOne(ctx, func(one session) error { return insertProducts(one, []trust.Product{p}) })
}

// UpdateProduct reads the account's product, has change say what becomes of it, and stores that with the notices that it
// causes, all in one transaction that no other change to the product overlaps. It returns the product as stored, or
// ErrNotFound, or the error of change, after which everything is as it was.
func (s *Store) UpdateProduct(
	ctx context.Context, accountSID, sid string, change func(trust.Product) (trust.Outcome, error),
) (trust.Product, error) {
	return s.update(ctx, change,
		`SELECT `+productColumns+` FROM products WHERE sid = $1 AND account_sid = $2`, sid, accountSID)
}

// ReviewProduct is UpdateProduct for the reviewer, who may act on every account's products.
func (s *Store) ReviewProduct(
	ctx context.Context, sid string, change func(trust.Product) (trust.Outcome, error),
) (trust.Product, error) {
	return s.update(ctx, change, `SELECT `+productColumns+` FROM products WHERE sid = $1`, sid)
}

func (s *Store) update(
	ctx context.Context, change func(trust.Product) (trust.Outcome, error), query string, args ...any,
) (trust.Product, error) {
	var outcome trust.Outcome
	err := s.write(ctx, func(tx session) error {
		before, err := scanProduct(tx.row(query+s.engine.lockRow, args...))
		if err != nil {
			return err
		}
		if outcome, err = change(before); err != nil {
			return err
		}
		if !outcome.Changed {
			outcome.Product = before
		}
		return storeOutcome(tx, outcome)
	})
	if err == nil && outcome.Changed {
		s.wake()
	}
	return outcome.Product, err
}

// DeleteProduct removes the account's product where allowed agrees, and ends all that was still to be told of it. It returns
// ErrNotFound, or the error of allowed.
func (s *Store) DeleteProduct(
	ctx context.Context, accountSID, sid string, now time.Time, allowed func(trust.Product) error,
) error {
	return s.write(ctx, func(tx session) error {
		p, err := scanProduct(tx.row(`SELECT `+productColumns+` FROM products
			WHERE sid = $1 AND account_sid = $2`+s.engine.lockRow, sid, accountSID))
		if err != nil {
			return err
		}
		if err := allowed(p); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE notices SET state = $1, due_at = 0, `+endLease+`, ended_at = $2
			WHERE product_sid = $3 AND `+isOpen, string(Dropped), micros(now), sid); err != nil {
			return err
		}
		_, err = tx.exec(`DELETE FROM products WHERE sid = $1`, sid)
		return err
	})
}

// ElapseProducts lets time act on up to limit products whose status changes by itself by now, in one transaction, and
// returns how many there were.
func (s *Store) ElapseProducts(
	ctx context.Context, now time.Time, limit int, elapse func(trust.Product) (trust.Outcome, error),
) (int, error) {
	count := 0
	err := s.write(ctx, func(tx session) error {
		due, err := queryAll(tx, scanProduct, `SELECT `+productColumns+` FROM products
			WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2`+s.engine.skipLocked, micros(now), limit)
		if err != nil {
			return err
		}
		for _, p := range due {
			outcome, err := elapse(p)
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

// NextElapse returns when the next product's status changes by itself, zero if none does.
func (s *Store) NextElapse(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	err := s.read(ctx).row(`SELECT MIN(due_at) FROM products WHERE due_at > 0`).Scan(&due)
	return fromMicros(due.Int64), s.classify(err)
}

// ScheduledReviews returns up to limit products in review whose status changes by itself after the given time, in the order of
// their SIDs and from behind the SID after.
func (s *Store) ScheduledReviews(ctx context.Context, due time.Time, after string, limit int) ([]trust.Product, error) {
	all, err := queryAll(s.read(ctx), scanProduct, `SELECT `+productColumns+` FROM products
		WHERE due_at > 0 AND status IN ('pending-review', 'in-review') AND due_at > $1 AND sid > $2 ORDER BY sid LIMIT $3`,
		micros(due), after, limit)
	return all, s.classify(err)
}

// storeOutcome writes a changed product and queues its notices.
func storeOutcome(tx session, outcome trust.Outcome) error {
	if !outcome.Changed {
		return nil
	}
	p := outcome.Product
	_, err := tx.exec(`UPDATE products SET friendly_name = $1, email = $2, status_callback = $3, status = $4,
		valid_until = $5, errors = $6, updated_at = $7, due_at = $8 WHERE sid = $9`,
		p.FriendlyName, p.Email, p.StatusCallback, string(p.Status),
		micros(p.ValidUntil), joinCodes(p.Errors), micros(p.Updated), micros(p.Due), p.SID)
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

// UndecidedProducts returns up to limit products that wait for a reviewer, the longest waiting first.
func (s *Store) UndecidedProducts(ctx context.Context, limit int) ([]trust.Product, error) {
	all, err := queryAll(s.read(ctx), scanProduct, `SELECT `+productColumns+` FROM products
		WHERE status IN ($1, $2) ORDER BY updated_at, sid LIMIT $3`,
		string(trust.PendingReview), string(trust.InReview), limit)
	return all, s.classify(err)
}

// Product returns the account's product with this SID, or ErrNotFound.
func (s *Store) Product(ctx context.Context, accountSID, sid string) (trust.Product, error) {
	p, err := scanProduct(s.read(ctx).row(
		`SELECT `+productColumns+` FROM products WHERE sid = $1 AND account_sid = $2`, sid, accountSID))
	return p, s.classify(err)
}

func scanProduct(row scanner) (trust.Product, error) {
	var p trust.Product
	var status, codes string
	var validUntil, created, updated, due int64
	err := row.Scan(&p.SID, &p.AccountSID, &p.PolicySID, &p.FriendlyName, &p.Email, &p.StatusCallback, &status,
		&validUntil, &codes, &created, &updated, &due)
	if err != nil {
		return trust.Product{}, err
	}
	p.Status = trust.Status(status)
	p.ValidUntil, p.Created, p.Updated = fromMicros(validUntil), fromMicros(created), fromMicros(updated)
	p.Due = fromMicros(due)
	p.Errors, err = splitCodes(codes)
	return p, err
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
