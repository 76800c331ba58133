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
	"strconv"

	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens the file at path with one connection for writes, and beside it a few for reads and authConns. Before that it
// looks into the file with one that changes nothing.
func openSQLite(ctx context.Context, path string, access Access) (*Store, error) {
	file, err := findFile(path, access != Existing)
	if err != nil {
		return nil, err
	}
	var pools [4]*sql.DB
	for i, pragmas := range [][]string{{busyTimeout}, lasting(), lasting(), lasting()} {
		if pools[i], err = file.open(pragmas); err != nil { // it only reads the name: connections are made when they are used
			return nil, err
		}
	}
	look, writer, reader, auth := pools[0], pools[1], pools[2], pools[3]
	writer.SetMaxOpenConns(1)
	reader.SetMaxOpenConns(4 * runtime.GOMAXPROCS(0))
	reader.SetMaxIdleConns(4 * runtime.GOMAXPROCS(0))

	s := newStore(sqliteEngine(), writer, reader, auth)
	s.file = file
	if s.found, err = prepare(ctx, s.engine, look, writer, access); err == nil && access == Migrate {
		err = removeLeftovers(ctx, writer)
	}
	if failure, ok := errors.AsType[*sqlite.Error](err); ok && failure.Code()&0xff == sqlite3.SQLITE_CORRUPT {
		err = fmt.Errorf("the file is damaged, restore it from a backup: %w", err)
	}
	if err := errors.Join(err, look.Close()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.batches, err = newBatcher(ctx, writer, s.engine.passes); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// removeLeftovers removes the contents of bundles that are not there. A server from before schema 9, to which an upgrade was
// taken back, leaves them when it deletes a bundle, because it does not set foreign_keys.
func removeLeftovers(ctx context.Context, db *sql.DB) error {
	for _, table := range []layout{assignments.layout, channelEndpoints.layout, evaluations.layout} {
		_, err := session{ctx, db}.exec(`DELETE FROM ` + table.name + ` WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`)
		if err != nil {
			return err
		}
	}
	return nil
}

// busyTimeout is how long, in milliseconds, a connection waits for another process's write.
const busyTimeout = "busy_timeout(5000)"

// lasting are the pragmas of a connection to a file that is ours.
//
//   - WAL lets readers go on while one writes.
//   - synchronous=FULL syncs the log at each commit; with less, WAL may lose acknowledged commits in a power cut.
//   - wal_autocheckpoint (pages) is less than SQLite's 1000: a checkpoint stalls the commit that it falls into, the longer
//     the more pages it has to bring back. docs/benchmarks.md has the measurements.
//   - foreign_keys has what belongs to a bundle deleted with it, as Postgres does anyway. A migration that drops or rebuilds the
//     table bundles would do the same to all of it.
//   - journal_size_limit (bytes) is what is left of the log when it starts anew. A long reader, a copy for example, lets it grow
//     without bound. It is several times what creates at full speed need (3 MB), so that they never wait for a truncation.
func lasting() []string {
	return []string{
		busyTimeout, "foreign_keys(ON)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(400)",
		"journal_size_limit(" + strconv.Itoa(logLimit) + ")",
	}
}

const logLimit = 16 << 20

// file is the file of a SQLite database, as it was when the database was opened.
type file struct {
	path string // absolute
	info os.FileInfo
}

// findFile creates the file where it is missing, if it may, readable by its owner only.
func findFile(path string, create bool) (*file, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	opened, err := os.OpenFile(path, flags, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	if err := errors.Join(err, opened.Close()); err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path) // so that no name means anything else to SQLite, as :memory: does
	return &file{path, info}, err
}

// open returns a pool of connections to the file.
//
//   - mode=rw: a connection that is made later, when somebody has removed the file, must not make an empty one.
//   - BEGIN IMMEDIATE takes the write lock at the start, so that a transaction never fails half-way on another
//     process's write.
func (f *file) open(pragmas []string) (*sql.DB, error) {
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "mode": {"rw"}}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(f.path), RawQuery: query.Encode()}).String())
}

// Scrub removes from a SQLite file what was deleted: free pages keep their content until they are used again, and so do the log
// and pages that have lost some of their rows. It rewrites the whole file, so it takes seconds for each GB, in which nobody can
// write. On Postgres it does nothing: its own VACUUM frees the space of deleted rows.
func (s *Store) Scrub(ctx context.Context) (err error) {
	if s.file == nil {
		return nil
	}
	db, err := s.file.open(append(lasting(), "busy_timeout(60000)")) // the last one counts
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM`); err != nil {
		return s.classify(err)
	}
	const tries = 5
	for try := 1; ; try++ {
		var busy, pages, moved int
		err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved)
		if err != nil || busy == 0 {
			return s.classify(err)
		}
		if try == tries {
			return fmt.Errorf("%w: others read the database all the time, and its log is not emptied", ErrUnavailable)
		}
	}
}

// check reports whether the file is still the one that was opened.
func (f *file) check() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("the database's file: %w", err)
	}
	if !os.SameFile(info, f.info) {
		return errors.New("the database's file was replaced by another one; restart the server to use that")
	}
	return nil
}
