package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Range says where a part of a list begins, and what bounds it. A list is ordered by key, the greatest first.
type Range struct {
	After    string // the part begins after this key; empty means at the start, in the direction of the range
	Until    string // and ends before this key; empty means no end
	Backward bool   // towards the greater keys
	Limit    int    // maximum number of rows, at least 1
	Bytes    int    // the part ends with the row that reaches this size
	Step     int    // rows that are examined for a filter without an index
}

// Part is a part of a list. A part without rows is the last only if Beyond is empty.
type Part[Row any] struct {
	Rows    []Row  // in the direction of the range
	Bytes   int    // the size of their text
	Read    int    // an upper bound of the rows that were read
	Reached string // the key of the last row that was read; may be empty if there are no rows and Beyond is empty
	Beyond  string // the key of the next row; empty at the end of the range
}

// Query chooses a part of a list.
type Query struct {
	Of    Scope
	Where map[string]string   // the value that a column must have, by the column's name
	AnyOf map[string][]string // the values one of which a column must have, by the column's name; no index serves them
	Range Range
}

// List returns a part of the list of a scope. What it costs is bounded, wherever the part begins and however many rows there are,
// in this scope or in others. A filter by a column without an index, which would make creates slower (docs/benchmarks.md), makes
// the part end after q.Range.Step rows.
func (r *Resource[Row]) List(ctx context.Context, q Query) (Part[Row], error) {
	l := listing{r.table.layout, q}
	unindexed, err := l.unindexed()
	if err := errors.Join(err, r.check(q.Of)); err != nil {
		return Part[Row]{}, err
	}
	s := r.store
	if len(unindexed) == 0 {
		part, err := r.table.readPart(s.read(ctx), q.Range, Part[Row]{}, l.unfiltered())
		part.Read = len(part.Rows)
		return part, s.classify(err)
	}
	// A step keeps a processor busy for a millisecond or two. The limit keeps some free for quick requests, mainly of other
	// accounts.
	if err := s.scans.Acquire(ctx, 1); err != nil {
		return Part[Row]{}, s.classify(err)
	}
	defer s.scans.Release(1)
	tx, err := s.reader.BeginTx(ctx, s.engine.snapshot) // so that both statements see the same rows
	if err != nil {
		return Part[Row]{}, s.classify(err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	step := l.stepEnd()
	end, err := queryAll(session{ctx, tx}, scanString, step.text, step.args...)
	if err != nil {
		return Part[Row]{}, s.classify(err)
	}
	part := Part[Row]{Read: q.Range.Step}
	if len(end) > 0 {
		part.Reached = end[0]
	}
	if len(end) > 1 {
		part.Beyond = end[1]
	}
	part, err = r.table.readPart(session{ctx, tx}, q.Range, part, l.filtered(unindexed))
	return part, s.classify(err)
}

// Key returns the key of a row, by which lists are ordered.
func (r *Resource[Row]) Key(row Row) string { return r.table.keyOf(&row) }

// readPart adds the rows of a query to a part, until its range is full.
func (t *table[Row]) readPart(q session, r Range, part Part[Row], list statement) (Part[Row], error) {
	full := false
	err := queryEach(q, t.scanRows(), func(row Row) bool {
		if full = len(part.Rows) == r.Limit || part.Bytes >= r.Bytes; full {
			beyond := row // only this one is moved to the heap
			part.Beyond = t.keyOf(&beyond)
			return false
		}
		part.Rows = append(part.Rows, row)
		part.Bytes += t.textSize(&part.Rows[len(part.Rows)-1])
		return true
	}, list.text, list.args...)
	if n := len(part.Rows); n > 0 && (full || part.Reached == "") {
		part.Reached = t.keyOf(&part.Rows[n-1])
	}
	return part, err
}

// listing is the SQL of a query.
type listing struct {
	layout
	query Query
}

// unindexed returns the columns that the list is filtered by without an index, and the values that each may have.
func (l listing) unindexed() (filters map[string][]string, err error) {
	filters = map[string][]string{}
	maps.Copy(filters, l.query.AnyOf)
	for column, value := range l.query.Where {
		if column != l.index() {
			filters[column] = []string{value}
		}
	}
	for _, column := range slices.Concat(slices.Collect(maps.Keys(filters)), slices.Collect(maps.Keys(l.query.Where))) {
		if !slices.Contains(l.columns, column) {
			return nil, fmt.Errorf("%s has no column %q", l.name, column)
		}
	}
	return filters, nil
}

// index returns the column of a filter that has an index, or the empty string if no filter has one.
func (l listing) index() string {
	for _, column := range l.indexed {
		if _, ok := l.query.Where[column]; ok {
			return column
		}
	}
	return ""
}

// unfiltered selects the rows of a part without unindexed filters, and one more for Beyond.
func (l listing) unfiltered() statement {
	var list statement
	list.add(`SELECT ` + strings.Join(l.columns, `, `) + ` FROM ` + l.name)
	list.add(l.alongIndex(&list) + ` LIMIT ` + list.arg(l.query.Range.Limit+1))
	return list
}

// stepEnd selects the keys of the last row of a step and of the next row, if any.
func (l listing) stepEnd() statement {
	var end statement
	end.add(`SELECT ` + l.key() + ` FROM ` + l.name)
	end.add(l.alongIndex(&end) + ` LIMIT 2 OFFSET ` + strconv.Itoa(l.query.Range.Step-1))
	return end
}

// filtered selects the matching rows of a step, up to one more than the limit. The inner LIMIT forces the planner to read along
// the index, whatever it assumes about the filters.
func (l listing) filtered(unindexed map[string][]string) statement {
	var list statement
	columns := strings.Join(l.columns, `, `)
	list.add(`SELECT ` + columns + ` FROM (SELECT ` + columns + ` FROM ` + l.name)
	order := l.alongIndex(&list)
	list.add(order + ` LIMIT ` + strconv.Itoa(l.query.Range.Step) + `) AS step WHERE TRUE`)
	for _, column := range slices.Sorted(maps.Keys(unindexed)) {
		list.add(` AND ` + column + ` IN ` + list.tuple(anys(unindexed[column])))
	}
	list.add(order + ` LIMIT ` + list.arg(l.query.Range.Limit+1))
	return list
}

// alongIndex adds the conditions of a list's range and returns its order.
//
// It compares whole index keys instead of selecting a scope and sorting by key, so that only that index provides the order.
// Otherwise Postgres would use the primary key for an account that it believes to have many rows, and read all newer rows of
// other accounts.
func (l listing) alongIndex(list *statement) (order string) {
	columns, values := slices.Clone(l.scope), make([]any, 0, len(l.scope)+2)
	for _, value := range l.query.Of {
		values = append(values, value)
	}
	if column := l.index(); column != "" {
		columns, values = append(columns, column), append(values, l.query.Where[column])
	}
	ahead, behind, direction := ` < `, ` > `, ` DESC`
	if l.query.Range.Backward {
		ahead, behind, direction = behind, ahead, ``
	}
	whole := append(slices.Clone(columns), l.key())
	compare := func(operator, key string) {
		if key == "" {
			list.add(tuple(columns) + strings.TrimRight(operator, " ") + `= ` + list.tuple(values))
			return
		}
		list.add(tuple(whole) + operator + list.tuple(append(slices.Clone(values), key)))
	}
	list.add(` WHERE `)
	compare(ahead, l.query.Range.After)
	list.add(` AND `)
	compare(behind, l.query.Range.Until)
	return ` ORDER BY ` + strings.Join(whole, direction+`, `) + direction
}

// statement is SQL under construction, with its arguments.
type statement struct {
	text string
	args []any
}

func (s *statement) add(text string) { s.text += text }

// arg adds an argument and returns its placeholder.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return `$` + strconv.Itoa(len(s.args))
}

// tuple is arg for a row value.
func (s *statement) tuple(values []any) string {
	names := make([]string, len(values))
	for i, value := range values {
		names[i] = s.arg(value)
	}
	return tuple(names)
}

func anys(values []string) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}

func tuple(items []string) string { return `(` + strings.Join(items, `, `) + `)` }
