package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

// dbFlag names the database and limits the use of a Postgres server.
type dbFlag struct {
	DB                 string  `name:"db" default:"trusthub.db" env:"TRUSTHUB_DB" help:"Database: the name of an SQLite file, or a postgres:// URL."`
	DBMaxConns         count   `name:"db-max-conns" default:"16" env:"TRUSTHUB_DB_MAX_CONNS" help:"Maximum number of open connections, not counting two for authentication." group:"Flags for Postgres:"`
	DBConnectTimeout   timeout `name:"db-connect-timeout" default:"5s" env:"TRUSTHUB_DB_CONNECT_TIMEOUT" help:"Time limit for connecting." group:"Flags for Postgres:"`
	DBStatementTimeout timeout `name:"db-statement-timeout" default:"10s" env:"TRUSTHUB_DB_STATEMENT_TIMEOUT" help:"Time limit for a statement." group:"Flags for Postgres:"`
}

// timeout is a flag for a time limit of at least a millisecond: Postgres rounds to milliseconds, and takes 0 for no limit.
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

// open opens the database. If its schema is missing or too old, the error says what to do.
func (f dbFlag) open(ctx context.Context, access store.Access) (*store.Store, error) {
	db, err := store.Open(ctx, f.DB, store.Options{
		Access: access, MaxConns: int(f.DBMaxConns),
		ConnectTimeout: time.Duration(f.DBConnectTimeout), StatementTimeout: time.Duration(f.DBStatementTimeout),
	})
	return db, advise(err)
}

// advise adds to an error of store.Open what to do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, store.ErrOlder):
		return fmt.Errorf("%w; run 'trusthub migrate' to upgrade it", err)
	case errors.Is(err, store.ErrEmpty):
		return fmt.Errorf("%w; run 'trusthub serve' or 'trusthub migrate' to create its tables", err)
	}
	return err
}

// use opens an existing database for one command. A mistyped name must not create an empty one.
func (f dbFlag) use(ctx context.Context, do func(*store.Store) error) error {
	db, err := f.open(ctx, store.Existing)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
