package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/lock"
)

// A pooler such as PgBouncer in transaction mode runs each transaction on a session of its choice. So nothing may depend on a
// session: no parameter that is set when it starts, no statement that it has prepared, no lock that it holds.

// isPooled reports whether there is a pooler between this program and Postgres. If there is, the process that greets a
// connection is not the one that runs its statements.
func isPooled(ctx context.Context, config *pgx.ConnConfig) (pooled bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, explainRefusal(err)
	}
	var runs uint32
	err = conn.QueryRow(ctx, `SELECT CAST(pg_backend_pid() AS BIGINT)`, pgx.QueryExecModeExec).Scan(&runs)
	return runs != conn.PgConn().PID(), errors.Join(err, conn.Close(ctx))
}

// explainRefusal adds to an error of connecting what to do if a pooler rejected a parameter of the URL.
func explainRefusal(err error) error {
	const refused = "unsupported startup parameter: "
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(answer.Message, refused) {
		return err
	}
	name := strings.TrimPrefix(answer.Message, refused)
	return fmt.Errorf("the pooler rejects the parameter %s of the database URL: remove it there, and set it for the role "+
		"instead (ALTER ROLE ... SET %[1]s = ...): %w", name, err)
}

// usePooler makes a config fit for connections through a pooler. The limit of a statement is kept on this side.
func usePooler(config *pgx.ConnConfig, name string, limit time.Duration) {
	if u, err := url.Parse(name); err != nil || !u.Query().Has("default_query_exec_mode") {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec // one round trip, nothing prepared
	}
	if limit > 0 {
		config.Tracer = statementLimit(limit)
	}
}

// statementLimit is a tracer that ends each statement after that time. It lets a commit finish: canceled while it waits for a
// standby, it would take effect without that standby.
type statementLimit time.Duration

type cancelKey struct{}

// TraceQueryStart returns the context of the statement.
func (l statementLimit) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL == "commit" { // pgx's
		return ctx
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l))
	return context.WithValue(ctx, cancelKey{}, cancel)
}

// TraceQueryEnd releases the context of the statement.
func (statementLimit) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

const (
	migrationTries = 60
	migrationPause = time.Second
)

// lockMigrations is engine.lockMigrations. The lock belongs to a transaction, not to a session. It is asked for again and again,
// because one that waited for it would keep a connection of the pooler, which the holder may need.
func lockMigrations(ctx context.Context, db *sql.DB) (unlock func() error, err error) {
	pause := time.NewTicker(migrationPause)
	defer pause.Stop()
	for range migrationTries {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		var locked bool
		if err = tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock($1)`, lock.DefaultLockID).Scan(&locked); locked {
			return tx.Rollback, nil
		}
		if err := errors.Join(err, tx.Rollback()); err != nil {
			return nil, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("another process has been migrating the database for a minute")
}
