package hub

import (
	"context"
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/opentrusthub/trusthub/internal/store"
)

// source provides the rows of a list, ordered by key, the greatest first.
type source[Row any] struct {
	// read returns a part of the rows that match the filters, which have their names of the API.
	read func(ctx context.Context, filters url.Values, r store.Range) (store.Part[Row], error)
	key  func(Row) string
}

// stored returns a source that reads from the store. The parameter PolicySid filters by the column policy_sid.
func stored[Row any](r *store.Resource[Row], of store.Scope) source[Row] {
	return source[Row]{
		read: func(ctx context.Context, filters url.Values, part store.Range) (store.Part[Row], error) {
			where := map[string]string{}
			for name := range filters {
				where[columnOf(name)] = filters.Get(name)
			}
			return r.List(ctx, store.Query{Of: of, Where: where, Range: part})
		},
		key: r.Key,
	}
}

// columnOf returns policy_sid for PolicySid.
func columnOf(parameter string) string {
	var b strings.Builder
	for i, letter := range parameter {
		if unicode.IsUpper(letter) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(letter))
	}
	return b.String()
}

// catalog is a resource that is the same for every account and never changes.
type catalog[Row any] struct {
	rows []Row // in the order of a list
	key  func(Row) string
}

func newCatalog[Row any](key func(Row) string, rows ...Row) catalog[Row] {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b Row) int { return strings.Compare(key(b), key(a)) })
	return catalog[Row]{rows, key}
}

// fetch returns the row with this key, or store.ErrNotFound.
func (c catalog[Row]) fetch(key string) (Row, error) {
	for _, row := range c.rows {
		if c.key(row) == key {
			return row, nil
		}
	}
	var none Row
	return none, store.ErrNotFound
}

// source returns a source that has no filters.
func (c catalog[Row]) source() source[Row] {
	return source[Row]{
		read: func(_ context.Context, _ url.Values, r store.Range) (store.Part[Row], error) { return c.part(r), nil },
		key:  c.key,
	}
}

func (c catalog[Row]) part(r store.Range) (part store.Part[Row]) {
	above, below := r.After, r.Until // the keys that the part lies between
	if r.Backward {
		above, below = below, above
	}
	from, to := 0, len(c.rows)
	if above != "" {
		from = sort.Search(to, func(i int) bool { return c.key(c.rows[i]) < above })
	}
	if below != "" {
		to = sort.Search(to, func(i int) bool { return c.key(c.rows[i]) <= below })
	}
	rows := slices.Clone(c.rows[from:max(from, to)])
	if r.Backward {
		slices.Reverse(rows)
	}
	if len(rows) > r.Limit {
		part.Beyond, rows = c.key(rows[r.Limit]), rows[:r.Limit]
	}
	part.Rows, part.Read, part.Bytes = rows, len(rows), len(rows) // they take no memory of their own
	if len(rows) > 0 {
		part.Reached = c.key(rows[len(rows)-1])
	}
	return part
}
