package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

var (
	// ErrExists means that the file of a backup exists already.
	ErrExists = errors.New("the file exists already")
	// ErrBroken means that a file is not a complete SQLite database of this program.
	ErrBroken = errors.New("the backup is broken")
	// ErrInUse means that a file is not a backup, but a database that a program has open or has not closed.
	ErrInUse = errors.New("the file has a log beside it: it is a database in use, not a backup")
)

// Backup describes the file of a backup.
type Backup struct {
	Schema int64            `json:"schema"` // the version of the schema
	Bytes  int64            `json:"bytes"`
	SHA256 string           `json:"sha256"` // of the file, in hex
	Rows   map[string]int64 `json:"rows"`   // by table
}

// BackUp writes a copy of the SQLite database in the file name to the file to, while others may write to it. The copy has every
// commit from before the call. It is checked, synced and only then named to, so that a file of that name is complete whenever the
// process dies. Only its owner can read it. An existing file is replaced if replace is set; otherwise BackUp returns ErrExists.
//
// The database may have the schema of an older version, so that it can be backed up before an upgrade.
func BackUp(ctx context.Context, name, to string, replace bool) (b Backup, err error) {
	if !replace {
		if _, err := os.Lstat(to); err == nil {
			return b, ErrExists
		}
	}
	// SQLite writes into an existing file if that is empty. CreateTemp makes one that only its owner can read.
	temporary, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.tmp")
	if err != nil {
		return b, err
	}
	path := temporary.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := temporary.Close(); err != nil {
		return b, err
	}
	if err := vacuumInto(ctx, name, path); err != nil {
		return b, openError(name, err)
	}
	if b, err = VerifyBackup(ctx, path); err != nil {
		return b, err
	}
	if err := syncFile(path); err != nil {
		return b, err
	}
	if err := os.Rename(path, to); err != nil {
		return b, err
	}
	if runtime.GOOS == "windows" { // which cannot sync a folder
		return b, nil
	}
	return b, syncFile(filepath.Dir(to))
}

// vacuumInto copies one snapshot of a database into an empty file.
func vacuumInto(ctx context.Context, name, path string) (err error) {
	file, err := findFile(name, false)
	if err != nil {
		return err
	}
	db, err := file.open([]string{busyTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found, err := inspect(ctx, sqliteEngine(), db)
	if err == nil {
		err = mayBackUp(found)
	}
	if err != nil {
		return err
	}
	path, err = filepath.Abs(path) // as in findFile
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, path)
	return err
}

// mayBackUp is judge for a database that need not be used as it is: an older one can be upgraded.
func mayBackUp(found schema) error {
	err := judge(found, Existing)
	if errors.Is(err, ErrOlder) {
		return nil
	}
	return err
}

func syncFile(path string) (err error) {
	file, err := os.OpenFile(path, os.O_RDONLY, 0) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// VerifyBackup reads all of a backup and returns what it has. It returns ErrBroken for a file that is damaged or not complete,
// and the errors of Open for one that this program cannot use. It changes nothing.
//
// A change within a stored text does not damage the database; only the checksum shows it.
func VerifyBackup(ctx context.Context, path string) (b Backup, err error) {
	if b.Bytes, b.SHA256, err = checksum(path); err != nil {
		return b, err
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return b, ErrInUse
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return b, err
	}
	// immutable: SQLite makes no files beside this one.
	db, err := sql.Open("sqlite", (&url.URL{
		Scheme: "file", Opaque: url.PathEscape(absolute), RawQuery: url.Values{"mode": {"ro"}, "immutable": {"1"}}.Encode(),
	}).String())
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkIntegrity(ctx, db); err != nil {
		return b, err
	}
	e := sqliteEngine()
	found, err := inspect(ctx, e, db)
	if err == nil {
		err = mayBackUp(found)
	}
	if err != nil {
		return b, err
	}
	b.Schema = found.version
	b.Rows, err = countAll(session{ctx, db}, e)
	return b, err
}

func checksum(path string) (size int64, sum string, err error) {
	file, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return 0, "", err
	}
	defer file.Close() //nolint:errcheck // it is only read
	hash := sha256.New()
	size, err = io.Copy(hash, file)
	return size, hex.EncodeToString(hash.Sum(nil)), err
}

// checkIntegrity returns ErrBroken unless SQLite finds every page, row, index and reference in order.
func checkIntegrity(ctx context.Context, db *sql.DB) error {
	q := session{ctx, db}
	found, err := queryAll(q, scanString, `PRAGMA integrity_check(10)`)
	if err == nil && (len(found) != 1 || found[0] != "ok") {
		err = errors.New(strings.Join(found, "; "))
	}
	if err == nil {
		var dangling []string
		dangling, err = queryAll(q, scanString, `SELECT DISTINCT "table" FROM pragma_foreign_key_check`)
		if err == nil && len(dangling) > 0 {
			err = errors.New("rows refer to missing ones in " + strings.Join(dangling, ", "))
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return err
}

// countAll counts the rows of all tables that a database has, whichever its version is.
func countAll(q session, e engine) (map[string]int64, error) {
	names, err := queryAll(q, scanString, e.names)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, name := range names {
		if name == versionTable || name == compatibilityTable || strings.Contains(name, ".") { // the last are columns
			continue
		}
		var n int64
		if err := q.row(`SELECT COUNT(*) FROM ` + name).Scan(&n); err != nil {
			return nil, fmt.Errorf("count %s: %w", name, err)
		}
		counts[name] = n
	}
	return counts, nil
}
