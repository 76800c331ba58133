package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
)

// dbFlag names the database and the keys of its auth tokens, and limits the use of a Postgres server.
type dbFlag struct {
	keyFlag
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

// open opens the database. If its schema is missing or too old, or its keys are, the error says what to do.
func (f dbFlag) open(ctx context.Context, o store.Options) (_ *store.Store, err error) {
	if o.Keys, err = f.keys(); err != nil {
		return nil, err
	}
	o.MaxConns = int(f.DBMaxConns)
	o.ConnectTimeout, o.StatementTimeout = time.Duration(f.DBConnectTimeout), time.Duration(f.DBStatementTimeout)
	db, err := store.Open(ctx, f.DB, o)
	return db, advise(err)
}

// advise adds to an error of store.Open what to do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, store.ErrOlder):
		return fmt.Errorf("%w; run 'trusthub migrate' to upgrade it", err)
	case errors.Is(err, store.ErrEmpty):
		return fmt.Errorf("%w; run 'trusthub serve' or 'trusthub migrate' to create its tables", err)
	case errors.Is(err, store.ErrKeysMissing):
		return fmt.Errorf("%w; set TRUSTHUB_KEY_FILE or --key-file to the file with its keys", err)
	case errors.Is(err, store.ErrWrongKeys):
		return fmt.Errorf("%w; TRUSTHUB_KEY_FILE or --key-file must name the file with its keys", err)
	}
	return err
}

// use opens an existing database for one command that needs no auth tokens. A mistyped name must not create an empty one.
func (f dbFlag) use(ctx context.Context, do func(*store.Store) error) error {
	db, err := f.open(ctx, store.Options{Access: store.Existing, KeysOptional: true})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
