package main

import (
	"context"
	"errors"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

// dbFlag names the database, and bounds what a Postgres one is asked for.
type dbFlag struct {
	DB                 string  `name:"db" default:"trusthub.db" env:"TRUSTHUB_DB" help:"SQLite file that keeps everything, made where it is missing; or a postgres:// URL."`
	DBMaxConns         count   `name:"db-max-conns" default:"16" env:"TRUSTHUB_DB_MAX_CONNS" help:"Postgres: connections at a time." group:"Postgres:"`
	DBConnectTimeout   timeout `name:"db-connect-timeout" default:"5s" env:"TRUSTHUB_DB_CONNECT_TIMEOUT" help:"Postgres: limit for making a connection." group:"Postgres:"`
	DBStatementTimeout timeout `name:"db-statement-timeout" default:"10s" env:"TRUSTHUB_DB_STATEMENT_TIMEOUT" help:"Postgres: limit for a statement." group:"Postgres:"`
}

// timeout is a limit that Postgres takes: in whole milliseconds, where 0 would mean none.
type timeout time.Duration

// UnmarshalText reads "2s", "1m30s".
func (t *timeout) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Millisecond {
		return errors.New("must be a duration such as 2s or 1m30s, of 1ms or more")
	}
	*t = timeout(d)
	return nil
}

// open opens the database, and creates it where it is missing.
func (f dbFlag) open(ctx context.Context) (*store.Store, error) {
	return f.openWith(ctx, store.Options{})
}

// openWith sets what the flags say.
func (f dbFlag) openWith(ctx context.Context, o store.Options) (*store.Store, error) {
	o.MaxConns = int(f.DBMaxConns)
	o.ConnectTimeout, o.StatementTimeout = time.Duration(f.DBConnectTimeout), time.Duration(f.DBStatementTimeout)
	return store.Open(ctx, f.DB, o)
}

// use opens a database that exists for one command: a mistyped name must not make an empty one.
func (f dbFlag) use(ctx context.Context, do func(*store.Store) error) error {
	db, err := f.openWith(ctx, store.Options{MustExist: true})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
