package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What is SQLite's own: how a file is opened and which of its errors pass by themselves.

// openSQLite opens the file at path twice: with one connection for writes and a few for reads beside it.
//
//   - WAL lets readers go on while one writes.
//   - synchronous=FULL syncs the log at each commit; with less, WAL may lose acknowledged commits in a power cut.
//   - BEGIN IMMEDIATE takes the write lock at the start, so that a transaction never fails half-way on another
//     process's write; busy_timeout (milliseconds) is how long it waits for that process.
func openSQLite(path string) (writer, reader *sql.DB, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, nil, err
	}
	if err := file.Close(); err != nil {
		return nil, nil, err
	}
	pragmas := url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	if !filepath.IsAbs(path) {
		path = "./" + path // so that no name means anything else to SQLite, as :memory: does
	}
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: pragmas.Encode()}).String()
	if writer, err = sql.Open("sqlite", dsn); err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	if reader, err = sql.Open("sqlite", dsn); err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(4 * runtime.GOMAXPROCS(0))
	reader.SetMaxIdleConns(4 * runtime.GOMAXPROCS(0))
	return writer, reader, nil
}

// classify wraps in ErrUnavailable what another try may get past, so that callers need not know the engine.
func classify(err error) error {
	var engine *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrConnDone):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case errors.As(err, &engine):
		switch engine.Code() & 0xff { // the low byte is the primary code, the rest says more
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return err
}
