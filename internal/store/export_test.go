package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// SearchStep is searchStep.
const SearchStep = searchStep

// Exec runs a statement, as a program of another version may.
func (s *Store) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := s.exec(ctx, statement, args...)
	return err
}

// Dump returns the rows of every table that the database has, in an order of their own. Those that describe the schema are left
// out.
func (s *Store) Dump(ctx context.Context) (map[string][]string, error) {
	names, err := queryAll(s.read(ctx), scanString, s.engine.names)
	if err != nil {
		return nil, err
	}
	dump := map[string][]string{}
	for _, name := range names {
		if name == versionTable || name == compatibilityTable || strings.Contains(name, ".") {
			continue
		}
		if dump[name], err = s.dumpTable(ctx, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return dump, nil
}

func (s *Store) dumpTable(ctx context.Context, table string) ([]string, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT * FROM `+table)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all []string
	for rows.Next() {
		values, fields := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			fields[i] = &values[i]
		}
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		for i, column := range columns {
			values[i] = fmt.Sprintf("%s=%#v", column, values[i])
		}
		all = append(all, fmt.Sprint(values...))
	}
	slices.Sort(all)
	return all, rows.Err()
}
