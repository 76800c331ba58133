package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// openSQLite opens the file at path twice: with one connection for writes and a few for reads beside it. It creates the
// file where it is missing, readable by its owner only.
//
//   - WAL lets readers go on while one writes.
//   - synchronous=FULL syncs the log at each commit; with less, WAL may lose acknowledged commits in a power cut.
//   - wal_autocheckpoint (pages) is less than SQLite's 1000: a checkpoint stalls the commit that it falls into, the longer
//     the more pages it has to bring back. BENCHMARKS.md has the measurements.
//   - BEGIN IMMEDIATE takes the write lock at the start, so that a transaction never fails half-way on another
//     process's write; busy_timeout (milliseconds) is how long it waits for that process.
func openSQLite(ctx context.Context, path string, mustExist bool) (*Store, error) {
	create := os.O_CREATE
	if mustExist {
		create = 0
	}
	file, err := os.OpenFile(path, os.O_RDWR|create, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	pragmas := url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(400)"},
		"_txlock": {"immediate"},
	}
	if !filepath.IsAbs(path) {
		path = "./" + path // so that no name means anything else to SQLite, as :memory: does
	}
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: pragmas.Encode()}).String()
	writer, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	reader, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(4 * runtime.GOMAXPROCS(0))
	reader.SetMaxIdleConns(4 * runtime.GOMAXPROCS(0))

	s := newStore(sqliteEngine(), writer, reader)
	if err := migrate(ctx, s.engine, writer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.batches, err = newBatcher(ctx, writer, s.engine.passes); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
