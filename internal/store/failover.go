package store

import (
	"context"
	"database/sql/driver"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// readOnly is the code of "cannot execute ... in a read-only transaction".
const readOnly = "25006"

// failover closes the connections to a server that has become read-only, such as a primary that was demoted or fenced, so that
// the pools connect to the one that takes writes. It is for URLs whose target_session_attrs rejects the former.
type failover struct {
	refusals atomic.Int64 // writes that were refused so far
}

// refusalsKey is where a connection keeps failover.refusals as of when it was opened.
const refusalsKey = "trusthub.refusals"

// newFailover prepares a config for failovers. A URL that names several servers and does not say which is wanted means the one
// that takes writes. newFailover returns nil if any server is as good as another.
func newFailover(config *pgx.ConnConfig) *failover {
	for _, other := range config.Fallbacks { // some are for the same server with another TLS mode
		if config.ValidateConnect == nil && (other.Host != config.Host || other.Port != config.Port) {
			config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
	if config.ValidateConnect == nil {
		return nil
	}
	f, onError, onConnect := new(failover), config.OnPgError, config.AfterConnect
	config.OnPgError = func(conn *pgconn.PgConn, answer *pgconn.PgError) bool {
		if answer.Code == readOnly {
			f.refusals.Add(1)
			return false // close it
		}
		return onError(conn, answer)
	}
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[refusalsKey] = f.refusals.Load()
		if onConnect == nil {
			return nil
		}
		return onConnect(ctx, conn)
	}
	return f
}

// options returns the options of a pool. It closes connections that are older than the last refusal before they are used again:
// those that only read would never be refused, and would go on to read from the former primary.
func (f *failover) options() []stdlib.OptionOpenDB {
	if f == nil {
		return nil
	}
	return []stdlib.OptionOpenDB{stdlib.OptionResetSession(func(_ context.Context, conn *pgx.Conn) error {
		if opened, _ := conn.PgConn().CustomData()[refusalsKey].(int64); opened != f.refusals.Load() {
			return driver.ErrBadConn
		}
		return nil
	})}
}
