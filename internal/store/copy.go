package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNotEmpty means that the target of a copy already has data.
var ErrNotEmpty = errors.New("the target database is not empty")

// copyRows is the number of rows of one INSERT. SQLite allows 32,766 parameters, and the widest table has 18 columns.
const copyRows = 500

// CopyTo copies all tables into another database of either engine, which must be empty. It reads one snapshot and writes one
// transaction, compares the counts before it commits, and returns how many rows of each table it copied. It calls progress after
// each step.
//
// Writes during a copy are not copied: stop the servers first. CopyTo returns ErrNewer if either schema is newer than this
// program, even if the program can work on it, because it may have unknown tables.
func (s *Store) CopyTo(ctx context.Context, to *Store, progress func(done, total int64)) (map[string]int64, error) {
	from, err := s.reader.BeginTx(ctx, s.engine.snapshot)
	if err != nil {
		return nil, s.classify(err)
	}
	defer from.Rollback() //nolint:errcheck // it has only read
	source := session{ctx, from}
	if err := wantOwnSchema(source); err != nil {
		return nil, s.classify(err)
	}
	counts, total, err := count(source)
	if err != nil {
		return nil, s.classify(err)
	}
	var done int64
	err = to.write(ctx, func(target session) error {
		if err := wantOwnSchema(target); err != nil {
			return err
		}
		_, filled, err := count(target)
		if err != nil {
			return err
		}
		if filled > 0 {
			return ErrNotEmpty
		}
		done = 0
		for _, table := range tables() {
			if err := copyTable(source, target, table, func(n int64) { done += n; progress(done, total) }); err != nil {
				return fmt.Errorf("copy %s: %w", table.name, err)
			}
		}
		return verify(target, counts)
	})
	return counts, err
}

func wantOwnSchema(q session) error {
	var version int64
	if err := q.row(`SELECT ` + selectVersion).Scan(&version); err != nil {
		return err
	}
	if version != latest() {
		return fmt.Errorf("%w (it has version %d, this program's is %d)", ErrNewer, version, latest())
	}
	return nil
}

func count(q session) (counts map[string]int64, total int64, err error) {
	counts = map[string]int64{}
	for _, table := range tables() {
		var n int64
		if err := q.row(`SELECT COUNT(*) FROM ` + table.name).Scan(&n); err != nil {
			return nil, 0, fmt.Errorf("count %s: %w", table.name, err)
		}
		counts[table.name] = n
		total += n
	}
	return counts, total, nil
}

func verify(target session, want map[string]int64) error {
	got, _, err := count(target)
	if err != nil {
		return err
	}
	for table, n := range want {
		if got[table] != n {
			return fmt.Errorf("%s: %d of %d rows were copied; the copy was rolled back", table, got[table], n)
		}
	}
	return nil
}

func copyTable(source, target session, table layout, copied func(int64)) error {
	rows, err := source.run.QueryContext(source.ctx, `SELECT `+strings.Join(table.columns, ", ")+` FROM `+table.name)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	columns := len(table.columns)
	var values []any
	flush := func() error {
		n := len(values) / columns
		if n == 0 {
			return nil
		}
		if _, err := target.run.ExecContext(target.ctx, table.insertText(n), values...); err != nil {
			return err
		}
		values = values[:0]
		copied(int64(n))
		return nil
	}
	for rows.Next() {
		row := make([]any, columns)
		pointers := make([]any, columns)
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		if values = append(values, row...); len(values) == copyRows*columns {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return errors.Join(rows.Err(), flush())
}
