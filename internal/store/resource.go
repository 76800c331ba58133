package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// Resource keeps the rows of one table for the API: each belongs to a scope, such as an account, and is found only there.
//
// A resource is a table (newTable), a migration that makes it, and a field of Store.
type Resource[Row any] struct {
	store *Store
	table *table[Row]

	// On Postgres; on SQLite the batcher does as much.
	inserts      *inserts[Row]
	keyedInserts *inserts[*keyedRow[Row]]
	insertKeyed  string // the statement of keyedInserts
}

// Scope says whose rows are meant: it has a value for each column of the table's scope.
type Scope []string

func newResource[Row any](s *Store, t *table[Row]) *Resource[Row] {
	r := &Resource[Row]{store: s, table: t, insertKeyed: t.insertKeyedText()}
	r.inserts = &inserts[Row]{run: r.insertTogether}
	r.keyedInserts = &inserts[*keyedRow[Row]]{run: r.insertKeyedTogether}
	return r
}

// Create stores a new row.
func (r *Resource[Row]) Create(ctx context.Context, row Row) error {
	if r.store.batches == nil {
		return r.store.classify(r.inserts.do(ctx, row))
	}
	rows := []Row{row} // the one copy that the closure keeps
	return r.store.writeOne(ctx, func(one session) error { return r.table.insert(one, rows...) })
}

// Fetch returns the row with this key, or ErrNotFound.
func (r *Resource[Row]) Fetch(ctx context.Context, of Scope, key string) (Row, error) {
	q, err := r.store.readOne(ctx)
	if err := errors.Join(r.check(of), r.store.classify(err)); err != nil {
		var none Row
		return none, err
	}
	row, err := r.table.fetch(q, of, key, "")
	return row, r.store.classify(err)
}

// Update reads the row, has change edit it, and stores that where change reports that it did, all in one transaction that no
// other change to the row overlaps. It returns the row as stored, or ErrNotFound, or the error of change, after which everything
// is as it was.
func (r *Resource[Row]) Update(
	ctx context.Context, of Scope, key string, change func(*Row) (changed bool, err error),
) (Row, error) {
	if err := r.check(of); err != nil {
		var none Row
		return none, err
	}
	return r.update(ctx, of, key, func(_ session, row *Row) (bool, error) {
		edited := *row
		changed, err := change(&edited)
		if err == nil && changed {
			*row = edited
		}
		return changed, err
	})
}

// update is Update for a change that has consequences in other tables.
func (r *Resource[Row]) update(
	ctx context.Context, of Scope, key string, change func(tx session, row *Row) (changed bool, err error),
) (row Row, err error) {
	err = r.store.write(ctx, func(tx session) (err error) {
		if row, err = r.table.fetch(tx, of, key, r.store.engine.lockRow); err != nil {
			return err
		}
		old := row
		changed, err := change(tx, &row)
		if err != nil || !changed {
			return err
		}
		return r.table.update(tx, &old, &row)
	})
	return row, err
}

// Count returns how many rows a scope has, limit if there are more.
func (r *Resource[Row]) Count(ctx context.Context, of Scope, limit int) (int, error) {
	if err := r.check(of); err != nil {
		return 0, err
	}
	return r.store.count(ctx, r.table.rowsOf(of), limit)
}

// rowsOf yields a 1 for each row of a scope, which an index serves alone.
func (l layout) rowsOf(of Scope) statement {
	var rows statement
	rows.add(`SELECT 1 FROM ` + l.name + ` WHERE TRUE`)
	for i, value := range of {
		rows.add(` AND ` + l.scope[i] + ` = ` + rows.arg(value))
	}
	return rows
}

// count counts up to limit rows of a query.
func (s *Store) count(ctx context.Context, rows statement, limit int) (count int, err error) {
	query := `SELECT COUNT(*) FROM (` + rows.text + ` LIMIT $` + strconv.Itoa(len(rows.args)+1) + `) AS counted`
	err = s.read(ctx).row(query, append(rows.args, limit)...).Scan(&count)
	return count, s.classify(err)
}

// check returns an error for a scope that would choose more than it should.
func (r *Resource[Row]) check(of Scope) error {
	if len(of) != len(r.table.scope) {
		return fmt.Errorf("the scope of %s has %d values, want %d", r.table.name, len(of), len(r.table.scope))
	}
	return nil
}
