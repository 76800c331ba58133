package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const productColumns = `sid, account_sid, policy_sid, friendly_name, email, status_callback, status, valid_until, errors,
	created_at, updated_at`

// CreateProduct stores a new product.
func (s *Store) CreateProduct(ctx context.Context, p trust.Product) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO products (`+productColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			p.SID, p.AccountSID, p.PolicySID, p.FriendlyName, p.Email, p.StatusCallback, string(p.Status),
			micros(p.ValidUntil), joinCodes(p.Errors), micros(p.Created), micros(p.Updated))
		return err
	})
}

// UpdateProduct reads the account's product, has change say what becomes of it, and stores that, all in one transaction
// that no other change to the product overlaps. It returns the product as stored, or ErrNotFound, or the error of change,
// after which everything is as it was.
func (s *Store) UpdateProduct(
	ctx context.Context, accountSID, sid string, change func(trust.Product) (trust.Outcome, error),
) (trust.Product, error) {
	var after trust.Product
	err := s.write(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRow(`SELECT `+productColumns+` FROM products WHERE sid = $1 AND account_sid = $2`, sid, accountSID)
		before, err := scanProduct(row)
		if err != nil {
			return err
		}
		outcome, err := change(before)
		after = outcome.Product
		if err != nil || !outcome.Changed {
			return err
		}
		_, err = tx.Exec(`UPDATE products SET friendly_name = $1, email = $2, status_callback = $3, status = $4,
			valid_until = $5, errors = $6, updated_at = $7 WHERE sid = $8`,
			after.FriendlyName, after.Email, after.StatusCallback, string(after.Status),
			micros(after.ValidUntil), joinCodes(after.Errors), micros(after.Updated), sid)
		return err
	})
	return after, err
}

// Product returns the account's product with this SID, or ErrNotFound.
func (s *Store) Product(ctx context.Context, accountSID, sid string) (trust.Product, error) {
	row := s.reader.QueryRowContext(ctx,
		`SELECT `+productColumns+` FROM products WHERE sid = $1 AND account_sid = $2`, sid, accountSID)
	p, err := scanProduct(row)
	return p, classify(err)
}

func scanProduct(row scanner) (trust.Product, error) {
	var p trust.Product
	var status, codes string
	var validUntil, created, updated int64
	err := row.Scan(&p.SID, &p.AccountSID, &p.PolicySID, &p.FriendlyName, &p.Email, &p.StatusCallback, &status,
		&validUntil, &codes, &created, &updated)
	if err != nil {
		return trust.Product{}, err
	}
	p.Status = trust.Status(status)
	p.ValidUntil, p.Created, p.Updated = fromMicros(validUntil), fromMicros(created), fromMicros(updated)
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
