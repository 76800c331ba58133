package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

// dbFlag names the database, and bounds what a Postgres one is asked for.
type dbFlag struct {
	DB                 string  `name:"db" default:"trusthub.db" env:"TRUSTHUB_DB" help:"SQLite file that keeps everything, made where it is missing; or a postgres:// URL."`
	DBMaxConns         count   `name:"db-max-conns" default:"16" env:"TRUSTHUB_DB_MAX_CONNS" help:"Postgres: connections at a time, besides two for authentication." group:"Postgres:"`
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

// open opens the database. Where it does not fit, the error says what to do.
func (f dbFlag) open(ctx context.Context, access store.Access) (*store.Store, error) {
	db, err := store.Open(ctx, f.DB, store.Options{
		Access: access, MaxConns: int(f.DBMaxConns),
		ConnectTimeout: time.Duration(f.DBConnectTimeout), StatementTimeout: time.Duration(f.DBStatementTimeout),
	})
	return db, advise(err)
}

// advise adds to the error of store.Open what to do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, store.ErrOlder):
		return fmt.Errorf("%w; 'trusthub migrate' brings it up to date", err)
	case errors.Is(err, store.ErrEmpty):
		return fmt.Errorf("%w; 'trusthub serve' or 'trusthub migrate' makes its tables", err)
	}
	return err
}

// use opens a database that exists for one command: a mistyped name must not make an empty one.
func (f dbFlag) use(ctx context.Context, do func(*store.Store) error) error {
	db, err := f.open(ctx, store.Existing)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
