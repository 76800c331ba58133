package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Access says what Open may do to a database that is new, or whose schema is older than this program's.
type Access int

const (
	// Migrate makes what is missing: the SQLite file, the tables, and what later versions added to them.
	Migrate Access = iota
	// Create makes a new database, and refuses one whose schema is older.
	Create
	// Existing changes nothing: the database must be there, with the schema of this program.
	Existing
)

// Why Open refuses a database, and changes nothing in it.
var (
	// ErrForeign says that the database holds something else than what this program keeps.
	ErrForeign = errors.New("this is another program's database: it holds tables, but not those of trusthub")
	// ErrEmpty says that the database holds nothing at all.
	ErrEmpty = errors.New("the database is empty")
	// ErrOlder says that the schema is to be migrated first.
	ErrOlder = errors.New("the database's schema is older than this program")
	// ErrNewer says that a later version of this program has migrated the schema.
	ErrNewer = errors.New("the database's schema is newer than this program; use the version of trusthub that made it")
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose keeps the version of the schema.
const versionTable = goose.DefaultTablename

// tables are all that hold data. TestCopy compares them with what the migrations make.
func tables() []string {
	return []string{"accounts", "bundles", "notices", "attempts", "idempotency_keys"}
}

// latest returns the version of the schema that this program works on.
func latest() (version int64) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for _, name := range names {
		number, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			panic(err) // the file's name is wrong
		}
		version = max(version, number)
	}
	return version
}

// Migrated returns the version of the schema that Open found, 0 in an empty database, and the one that it has now.
func (s *Store) Migrated() (from, to int64) { return s.found, latest() }

// prepare brings the schema up to date where access allows. It reads what is there through look, changes it through db, and
// returns the version that it found.
func prepare(ctx context.Context, e engine, look, db *sql.DB, access Access) (found int64, err error) {
	if found, err = inspect(ctx, e, look); err != nil {
		return 0, err
	}
	if err := judge(found, access); err != nil {
		return 0, err
	}
	if found == latest() {
		return found, nil
	}
	if err := e.mayMigrate(ctx, db); err != nil {
		return 0, err
	}
	return found, migrate(ctx, e, db, found)
}

// inspect returns the version of a database's schema, 0 if it is empty, or ErrForeign.
func inspect(ctx context.Context, e engine, db *sql.DB) (version int64, err error) {
	tx, err := db.BeginTx(ctx, e.snapshot)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	q := session{ctx, tx}
	names, err := queryAll(q, scanString, e.names)
	if err != nil {
		return 0, err
	}
	if slices.Contains(names, versionTable) {
		if err := q.row(`SELECT COALESCE(MAX(version_id), 0) FROM ` + versionTable).Scan(&version); err != nil {
			return 0, err
		}
	}
	// Another program may use goose too, and may have accounts and products, but not with these columns.
	// The bundles were called products before version 8.
	ours := version > 0 && slices.Contains(names, "accounts.auth_token") &&
		(slices.Contains(names, "bundles.policy_sid") || slices.Contains(names, "products.policy_sid"))
	empty := version == 0 && !slices.ContainsFunc(names, func(name string) bool { return name != versionTable })
	if !ours && !empty {
		return 0, ErrForeign
	}
	return version, nil
}

// judge returns why a database with this version may not be opened, nil if it may.
func judge(version int64, access Access) error {
	switch want := latest(); {
	case version > want:
		return fmt.Errorf("%w (it has version %d, this program's is %d)", ErrNewer, version, want)
	case version == 0 && access == Existing:
		return ErrEmpty
	case version > 0 && version < want && access != Migrate:
		return fmt.Errorf("%w (it has version %d, this program's is %d)", ErrOlder, version, want)
	}
	return nil
}

// migrate applies what is missing of the migrations. Several processes may start at once: one that loses the race for a
// migration finds it applied when it looks again.
func migrate(ctx context.Context, e engine, db *sql.DB, version int64) error {
	const tries = 5 // without getting further
	for try := 1; version < latest(); try++ {
		err := up(ctx, e, db)
		if err == nil {
			return nil
		}
		if now, lookErr := inspect(ctx, e, db); lookErr == nil && now > version {
			version, try = now, 0
			continue
		}
		if try == tries || ctx.Err() != nil || !e.passes(err) {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

func up(ctx context.Context, e engine, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	options, err := e.migrateUnder()
	if err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	provider, err := goose.NewProvider(e.dialect, db, dir, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	_, err = provider.Up(ctx)
	return err
}

// checkSchema reports whether the schema is the one that this program works on, by its version and its tables. It costs one
// query of a few pages.
func (s *Store) checkSchema(ctx context.Context) error {
	var version int64
	filled := make([]bool, len(tables()))
	columns, fields := []string{`COALESCE((SELECT MAX(version_id) FROM ` + versionTable + `), 0)`}, []any{&version}
	for i, table := range tables() {
		columns, fields = append(columns, `EXISTS (SELECT 1 FROM `+table+`)`), append(fields, &filled[i])
	}
	if err := s.read(ctx).row(`SELECT ` + strings.Join(columns, ", ")).Scan(fields...); err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	return judge(version, Existing)
}
