package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/opentrusthub/trusthub/internal/panics"
)

// runner is what runs a statement: a pool, a transaction, or a connection with its prepared statements.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// session is a runner with a context.
type session struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	run runner
}

// exec runs a statement and returns how many rows it changed.
func (q session) exec(query string, args ...any) (int64, error) {
	result, err := q.run.ExecContext(q.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (q session) row(query string, args ...any) scanner {
	return q.run.QueryRowContext(q.ctx, query, args...)
}

// scanner is what *sql.Row and *sql.Rows have in common.
type scanner interface{ Scan(dest ...any) error }

// queryAll returns all rows of a query. It is a function because a method cannot have type parameters.
func queryAll[T any](q session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := queryEach(q, scan, func(one T) bool {
		all = append(all, one)
		return true
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// queryEach calls each with the rows of a query, one after the other, until it returns false.
func queryEach[T any](q session, scan func(scanner) (T, error), each func(T) bool, query string, args ...any) error {
	rows, err := q.run.QueryContext(q.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return err
		}
		if !each(one) {
			return nil
		}
	}
	return rows.Err()
}

func scanString(row scanner) (string, error) {
	var s string
	err := row.Scan(&s)
	return s, err
}

// runSafely turns a panic of fn into an error, so that it fails one request and does not stop the writer.
func runSafely(fn func(session) error, q session) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("in a transaction: %w", panics.Error(v))
		}
	}()
	return fn(q)
}

// preparedReads is a runner on a pool that prepares each text once for each of its connections. It is safe for concurrent use.
type preparedReads struct {
	*sql.DB
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// maxStatements bounds the statements of preparedReads. The store has fewer.
const maxStatements = 512

// statement returns nil if there are too many statements.
func (p *preparedReads) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.RLock()
	statement, full := p.statements[query], len(p.statements) >= maxStatements
	p.mu.RUnlock()
	if statement != nil || full {
		return statement, nil
	}
	statement, err := p.PrepareContext(ctx, forSQLite(query))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if sooner := p.statements[query]; sooner != nil {
		return sooner, statement.Close()
	}
	p.statements[query] = statement
	return statement, nil
}

func (p *preparedReads) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := p.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement == nil:
		return p.DB.QueryContext(ctx, query, args...)
	}
	return statement.QueryContext(ctx, args...)
}

func (p *preparedReads) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	statement, err := p.statement(ctx, query)
	if err != nil || statement == nil {
		return p.DB.QueryRowContext(ctx, query, args...) // which fails, too, and reports it from Scan
	}
	return statement.QueryRowContext(ctx, args...)
}

// prepared is a runner on one connection that prepares each text once.
type prepared struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	changed    bool // whether a statement may have changed a row since this was set to false
}

func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, ok := p.statements[query]; ok {
		return statement, nil
	}
	statement, err := p.conn.PrepareContext(ctx, forSQLite(query))
	if err != nil {
		return nil, err
	}
	p.statements[query] = statement
	return statement, nil
}

var (
	parameter      = regexp.MustCompile(`\$[0-9]+`)
	limitParameter = regexp.MustCompile(`LIMIT (\$[0-9]+)`)
)

// forSQLite returns a query as SQLite runs it fastest when it is prepared once.
//
//   - A parameter as a limit is part of the plan: SQLite prepares the statement again each time that it is bound. With an
//     expression it does not.
//   - $1 is a name to SQLite, which the driver looks up each time that the statement runs. The parameters become ? if each occurs
//     once and in order.
func forSQLite(query string) string {
	query = limitParameter.ReplaceAllString(query, `LIMIT CAST($1 AS INTEGER)`)
	for i, name := range parameter.FindAllString(query, -1) {
		if name != "$"+strconv.Itoa(i+1) {
			return query
		}
	}
	return parameter.ReplaceAllLiteralString(query, "?")
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := statement.ExecContext(ctx, args...)
	if err != nil {
		p.changed = true
		return nil, err
	}
	if rows, err := result.RowsAffected(); rows > 0 || err != nil {
		p.changed = true
	}
	return result, nil
}

// mayChange notes that a query has changed something, unless it only reads.
func (p *prepared) mayChange(query string) {
	p.changed = p.changed || !strings.HasPrefix(strings.TrimSpace(query), "SELECT ")
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.mayChange(query)
	statement, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.mayChange(query)
	statement, err := p.statement(ctx, query)
	if err != nil {
		return p.conn.QueryRowContext(ctx, query, args...) // reports the same error from Scan
	}
	return statement.QueryRowContext(ctx, args...)
}

// close gives the connection back to its pool.
func (p *prepared) close() error {
	var errs []error
	for _, statement := range p.statements {
		errs = append(errs, statement.Close())
	}
	return errors.Join(append(errs, p.conn.Close())...)
}

// discard closes the connection itself, and ignores errors.
func (p *prepared) discard() {
	for _, statement := range p.statements {
		_ = statement.Close() // an open one would keep the connection, and its locks, alive
	}
	clear(p.statements)
	_ = p.conn.Raw(func(any) error { return driver.ErrBadConn }) // has the pool close it
}
