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
			return r.List(ctx, store.Query{Of: of, Where: columnsOf(filters), Range: part})
		},
		key: r.Key,
	}
}

// columnsOf returns the columns that filters are by, with their values.
func columnsOf(filters url.Values) map[string]string {
	where := map[string]string{}
	for name := range filters {
		where[columnOf(name)] = filters.Get(name)
	}
	return where
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

// constant is a list that is the same for every account and never changes.
type constant[Row any] struct {
	rows []Row // in the order of the list
	key  func(Row) string
}

func newConstant[Row any](key func(Row) string, rows ...Row) constant[Row] {
	rows = slices.SortedFunc(slices.Values(rows), func(a, b Row) int { return strings.Compare(key(b), key(a)) })
	return constant[Row]{rows, key}
}

// source returns a source that has no filters.
func (c constant[Row]) source() source[Row] {
	return source[Row]{
		read: func(_ context.Context, _ url.Values, r store.Range) (store.Part[Row], error) { return c.part(r), nil },
		key:  c.key,
	}
}

func (c constant[Row]) part(r store.Range) (part store.Part[Row]) {
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
