package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// layout is what SQL has to know of a table.
type layout struct {
	name    string
	columns []string

	// Of a table that a Resource keeps, whose first column is the key that identifies a row:
	scope   []string // the columns that say whose a row is, in the order of an index (scope, key)
	indexed []string // columns that a list can be filtered by in an index (scope, column, key)
}

// tables are all that hold data. TestCopy compares them with those that the migrations make.
func tables() []layout {
	return []layout{
		accounts.layout, bundles.layout, noticeRows.layout, attemptRows.layout, savedAnswers.layout,
		endUsers.layout, documents.layout, assignments.layout, channelEndpoints.layout, evaluations.layout,
		events.layout, eventPositions.layout, logins.layout, apiKeys.layout, settings.layout,
	}
}

// key is the column that identifies a row. Lists are in its order.
func (l layout) key() string { return l.columns[0] }

// table describes the rows of a table. It is the one place that names its columns: to read a row, to write, to insert many at
// once, and to copy.
type table[Row any] struct {
	layout
	fields []column[Row] // in the order of layout.columns

	list         string // the columns, for a SELECT
	insertOne    string // INSERT for one row
	insertArrays string // INSERT for any number of rows on Postgres, with the parameters t.arrays
	fetchText    string // SELECT of the row with a key
	scopedText   string // the same, within a scope, of the columns in unknown

	known, unknown []column[Row] // the columns of key and scope, in that order, and the others
}

// column is a column of a table and the part of a Row that it keeps.
type column[Row any] struct {
	name  string
	value func(*Row) any         // what the database keeps
	same  func(old, r *Row) bool // whether value is the same of both
	dest  func(*Row) any         // what Scan reads that into
	text  func(*Row) string      // the same as value, nil for a column of another type
	set   func(*Row, string)     // sets text, nil unless text made the column
	zero  string                 // the empty value, as SQL
	fixed bool                   // it never changes
}

// newTable completes a table. Its fields are all those of the table that the migrations make, except in a table made by only.
func newTable[Row any](l layout, fields ...column[Row]) *table[Row] {
	t := &table[Row]{layout: l, fields: fields}
	for _, c := range fields {
		t.columns = append(t.columns, c.name)
	}
	t.list = strings.Join(t.columns, ", ")
	t.insertOne = t.insertText(1)
	t.insertArrays = `INSERT INTO ` + t.name + ` (` + t.list + `) SELECT * FROM unnest(` + t.arrayParameters(1) + `)`
	var conditions, list []string
	for i, name := range append([]string{t.key()}, t.scope...) {
		conditions = append(conditions, name+` = $`+strconv.Itoa(i+1))
		t.known = append(t.known, fields[slices.Index(t.columns, name)])
	}
	for _, c := range fields {
		if c.name != t.key() && !slices.Contains(t.scope, c.name) {
			t.unknown, list = append(t.unknown, c), append(list, c.name)
		}
	}
	t.fetchText = `SELECT ` + t.list + ` FROM ` + t.name + ` WHERE ` + conditions[0]
	t.scopedText = `SELECT ` + strings.Join(list, `, `) + ` FROM ` + t.name + ` WHERE ` + strings.Join(conditions, ` AND `)
	return t
}

// only returns the table with some of its columns, for reads that need no others. Those of key and scope must be among them.
func (t *table[Row]) only(names ...string) *table[Row] {
	l := t.layout
	l.columns = nil
	var fields []column[Row]
	for _, c := range t.fields {
		if slices.Contains(names, c.name) {
			fields = append(fields, c)
		}
	}
	return newTable(l, fields...)
}

// isNumber reports whether the database keeps a number, otherwise it keeps a text.
func (c column[Row]) isNumber() bool { return c.zero == `0` }

// text is a column for a string, or a type that is one.
func text[Row any, T ~string](name string, field func(*Row) *T) column[Row] {
	return column[Row]{
		name:  name,
		value: func(r *Row) any { return string(*field(r)) },
		same:  func(old, r *Row) bool { return *field(old) == *field(r) },
		dest:  func(r *Row) any { return field(r) },
		text:  func(r *Row) string { return string(*field(r)) },
		set:   func(r *Row, value string) { *field(r) = T(value) },
		zero:  `''`,
	}
}

// number is a column for a whole number.
func number[Row any, T ~int | ~int64](name string, field func(*Row) *T) column[Row] {
	return column[Row]{
		name:  name,
		value: func(r *Row) any { return int64(*field(r)) },
		same:  func(old, r *Row) bool { return *field(old) == *field(r) },
		dest:  func(r *Row) any { return field(r) },
		zero:  `0`,
	}
}

// moment is a column for a time. The database keeps microseconds, and 0 for the zero time.
func moment[Row any](name string, field func(*Row) *time.Time) column[Row] {
	return converted(name, field, `0`, micros, func(us int64) (time.Time, error) { return fromMicros(us), nil })
}

// converted is a column for a field that the database keeps as a text or a number.
func converted[Row, T any, Kept string | int64](
	name string, field func(*Row) *T, zero string, keep func(T) Kept, load func(Kept) (T, error),
) column[Row] {
	return column[Row]{
		name:  name,
		value: func(r *Row) any { return keep(*field(r)) },
		same:  func(old, r *Row) bool { return keep(*field(old)) == keep(*field(r)) },
		dest:  func(r *Row) any { return &loader[T, Kept]{field(r), load} },
		zero:  zero,
	}
}

// fixed is a column that keeps the value that it was created with.
func fixed[Row any](c column[Row]) column[Row] {
	c.fixed = true
	return c
}

// loader is a sql.Scanner that converts what the database keeps.
type loader[T any, Kept string | int64] struct {
	to   *T
	load func(Kept) (T, error)
}

// Scan sets the field. Package sql adds the name of the column to an error.
func (l *loader[T, Kept]) Scan(value any) (err error) {
	kept, ok := value.(Kept)
	if !ok {
		return fmt.Errorf("unexpected type %T", value)
	}
	*l.to, err = l.load(kept)
	return err
}

// scan reads a row of t.list.
func (t *table[Row]) scan(row scanner) (Row, error) { return t.scanWith(row) }

// scanRows returns scan for the rows of a query, one after the other, which share what they are read into.
func (t *table[Row]) scanRows() func(scanner) (Row, error) {
	var r Row
	all := dests(t.fields, &r, 0)
	return func(row scanner) (Row, error) {
		err := row.Scan(all...)
		return r, err
	}
}

// scanWith reads a row of t.list followed by more columns.
func (t *table[Row]) scanWith(row scanner, more ...any) (Row, error) {
	var r, none Row
	if err := row.Scan(append(dests(t.fields, &r, len(more)), more...)...); err != nil {
		return none, err
	}
	return r, nil
}

// dests returns what these fields of a row are read into, with room for more columns.
func dests[Row any](fields []column[Row], r *Row, more int) []any {
	all := make([]any, 0, len(fields)+more)
	for i := range fields {
		all = append(all, fields[i].dest(r))
	}
	return all
}

// listOrZero is t.list for a LEFT JOIN: where there is no row, each column has its empty value.
func (t *table[Row]) listOrZero() string {
	all := make([]string, len(t.fields))
	for i, c := range t.fields {
		all[i] = `COALESCE(` + c.name + `, ` + c.zero + `)`
	}
	return strings.Join(all, `, `)
}

// insert stores new rows in one statement.
func (t *table[Row]) insert(q session, rows ...Row) error {
	statement := t.insertOne
	if len(rows) > 1 {
		statement = t.insertText(len(rows))
	}
	_, err := t.execInsert(q, statement, rows...)
	return err
}

// execInsert runs a statement that begins with t.insertText(len(rows)).
func (t *table[Row]) execInsert(q session, statement string, rows ...Row) (changed int64, err error) {
	return q.exec(statement, t.values(rows)...)
}

// values returns the parameters of a statement that begins with t.insertText(len(rows)).
func (t *table[Row]) values(rows []Row) []any {
	values := make([]any, 0, len(rows)*len(t.fields))
	for i := range rows {
		for n := range t.fields {
			values = append(values, t.fields[n].value(&rows[i]))
		}
	}
	return values
}

// fetch reads the row of a key within a scope, or in any scope where that is nil. lock is engine.lockRow where the row is to be
// changed. It does not read the columns whose values are known: the driver for SQLite takes time for each.
func (t *table[Row]) fetch(q session, of Scope, key, lock string) (Row, error) {
	if of == nil {
		return t.scan(q.row(t.fetchText+lock, key))
	}
	values := append(Scope{key}, of...)
	var r, none Row
	if err := q.row(t.scopedText+lock, anys(values)...).Scan(dests(t.unknown, &r, 0)...); err != nil {
		return none, err
	}
	for i, c := range t.known {
		c.set(&r, values[i])
	}
	return r, nil
}

// update stores what has changed of a row that was read before as old. It names no other columns: SQLite writes the entries of
// those that it names again in all of their indexes, each on a page of its own.
func (t *table[Row]) update(q session, old, r *Row) error {
	var changes []string
	values := make([]any, 0, len(t.fields))
	for i := range t.fields {
		if c := &t.fields[i]; !c.fixed && !c.same(old, r) {
			values = append(values, c.value(r))
			changes = append(changes, c.name+` = $`+strconv.Itoa(len(values)))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	values = append(values, t.keyOf(r))
	_, err := q.exec(`UPDATE `+t.name+` SET `+strings.Join(changes, `, `)+
		` WHERE `+t.key()+` = $`+strconv.Itoa(len(values)), values...)
	return err
}

// delete removes the row of a key.
func (t *table[Row]) delete(q session, key string) error {
	_, err := q.exec(`DELETE FROM `+t.name+` WHERE `+t.key()+` = $1`, key)
	return err
}

// keyOf returns the key of a row.
func (t *table[Row]) keyOf(r *Row) string { return t.fields[0].text(r) }

// textSize is what a row takes in memory, roughly.
func (t *table[Row]) textSize(r *Row) int {
	size := 150
	for i := range t.fields {
		if c := &t.fields[i]; c.text != nil {
			size += len(c.text(r))
		}
	}
	return size
}

// insertText is INSERT INTO name (a, b) VALUES ($1, $2), ($3, $4) for n rows.
func (l layout) insertText(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + l.name + " (" + strings.Join(l.columns, ", ") + ") VALUES ")
	for i := range n * len(l.columns) {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(l.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String() + ")"
}
