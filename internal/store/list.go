package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// ProductQuery chooses an account's products. Empty fields choose all.
type ProductQuery struct {
	AccountSID   string
	Status       trust.Status
	FriendlyName string
	PolicySID    string
	From         string // a SID: only those after it in the list, or before it with Backward; the one itself is left out
	Backward     bool
	Limit        int
}

// ListProducts returns up to q.Limit products in the order of the list, the newest first, and whether there are more in the
// direction of q. It is found through the SID that it begins after, so that a page costs the same at any depth, by status too.
// A filter by name or policy has no index: it reads past what does not match.
func (s *Store) ListProducts(ctx context.Context, q ProductQuery) (page []trust.Product, more bool, err error) {
	text, args := `SELECT `+productColumns+` FROM products WHERE account_sid = $1`, []any{q.AccountSID}
	where := func(condition string, value string) {
		if value != "" {
			args = append(args, value)
			text += ` AND ` + condition + ` $` + strconv.Itoa(len(args))
		}
	}
	beyond, order := `sid <`, ` ORDER BY sid DESC`
	if q.Backward {
		beyond, order = `sid >`, ` ORDER BY sid`
	}
	where(`status =`, string(q.Status))
	where(`friendly_name =`, q.FriendlyName)
	where(`policy_sid =`, q.PolicySID)
	where(beyond, q.From)
	args = append(args, q.Limit+1) // one more than asked for tells whether there are more
	page, err = queryAll(s.read(ctx), scanProduct, text+order+` LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, false, s.classify(err)
	}
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	if q.Backward {
		slices.Reverse(page)
	}
	return page, more, nil
}
