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
	// Migrate makes what is missing: the SQLite file, the tables, what later versions added to them, and the Primary Customer
	// Profiles of accounts that a server of the version before has added.
	Migrate Access = iota
	// Create makes a new database, and refuses one whose schema is older.
	Create
	// Existing changes nothing: the database must be there, with a schema that this program can work on.
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
	// ErrNewer says that a later version of this program has migrated the schema, and that this one cannot work on it any more.
	ErrNewer = errors.New("the database's schema is newer than this program; use the version of trusthub that made it")
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// versionTable is where goose keeps the version of the schema.
	versionTable = goose.DefaultTablename
	// compatibilityTable has one row: which programs can work on the schema. Migration 8 makes it.
	compatibilityTable = "schema_compatibility"
)

// schema says how far a database has been migrated, and what can work on it. A program's version is that of its last migration.
type schema struct {
	version       int64 // 0: nothing has been made
	oldestProgram int64 // that can work on it; before version 8, version itself
}

// Subqueries for a schema's version and oldestProgram. A database that does not say what is the oldest is its own program's only.
const (
	selectVersion       = `COALESCE((SELECT MAX(version_id) FROM ` + versionTable + `), 0)`
	selectOldestProgram = `COALESCE((SELECT MAX(oldest_program) FROM ` + compatibilityTable + `), ` + selectVersion + `)`
)

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

// Migrated returns the version of the schema that Open found, 0 in an empty database, and the one that it left.
func (s *Store) Migrated() (from, to int64) { return s.found, max(s.found, latest()) }

// prepare brings the schema up to date where access allows. It reads what is there through look, changes it through db, and
// returns the version that it found.
func prepare(ctx context.Context, e engine, look, db *sql.DB, access Access) (found int64, err error) {
	there, err := inspect(ctx, e, look)
	if err != nil {
		return 0, err
	}
	if err := judge(there, access); err != nil {
		return 0, err
	}
	if there.version >= latest() {
		return there.version, nil
	}
	if err := e.mayMigrate(ctx, db); err != nil {
		return 0, err
	}
	return there.version, migrate(ctx, e, db, there.version)
}

// inspect returns a database's schema, or ErrForeign.
func inspect(ctx context.Context, e engine, db *sql.DB) (found schema, err error) {
	tx, err := db.BeginTx(ctx, e.snapshot)
	if err != nil {
		return schema{}, err
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	q := session{ctx, tx}
	names, err := queryAll(q, scanString, e.names)
	if err != nil {
		return schema{}, err
	}
	if slices.Contains(names, versionTable) {
		oldest := selectVersion
		if slices.Contains(names, compatibilityTable) {
			oldest = selectOldestProgram
		}
		if err := q.row(`SELECT `+selectVersion+`, `+oldest).Scan(&found.version, &found.oldestProgram); err != nil {
			return schema{}, err
		}
	}
	// Another program may use goose too, and may have accounts and products, but not with these columns.
	// The bundles were called products before version 8.
	ours := found.version > 0 && slices.Contains(names, "accounts.auth_token") &&
		(slices.Contains(names, "bundles.policy_sid") || slices.Contains(names, "products.policy_sid"))
	empty := found.version == 0 && !slices.ContainsFunc(names, func(name string) bool { return name != versionTable })
	if !ours && !empty {
		return schema{}, ErrForeign
	}
	return found, nil
}

// judge returns why a database with this schema may not be opened, nil if it may. A newer schema may be, as long as it serves
// programs of this one's age: so servers can be replaced one by one, the first of the new ones migrates, and the old ones go on.
func judge(found schema, access Access) error {
	switch program := latest(); {
	case found.version > program && found.oldestProgram > program:
		return fmt.Errorf("%w (it has version %d, this program's is %d)", ErrNewer, found.version, program)
	case found.version == 0 && access == Existing:
		return ErrEmpty
	case found.version > 0 && found.version < program && access != Migrate:
		return fmt.Errorf("%w (it has version %d, this program's is %d)", ErrOlder, found.version, program)
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
		if now, lookErr := inspect(ctx, e, db); lookErr == nil && now.version > version {
			version, try = now.version, 0
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
	provider, err := goose.NewProvider(e.dialect, db, dir)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	unlock, err := e.lockMigrations(ctx, db)
	if err != nil {
		return fmt.Errorf("migration lock: %w", err)
	}
	_, err = provider.Up(ctx)
	return errors.Join(err, unlock())
}

// checkSchema returns why this program cannot work on the schema, as it is now, nil if it can. It costs one query of a few pages.
func (s *Store) checkSchema(ctx context.Context) error {
	var found schema
	filled := make([]bool, len(tables()))
	columns, fields := []string{selectVersion, selectOldestProgram}, []any{&found.version, &found.oldestProgram}
	for i, table := range tables() {
		columns, fields = append(columns, `EXISTS (SELECT 1 FROM `+table.name+`)`), append(fields, &filled[i])
	}
	if err := s.read(ctx).row(`SELECT ` + strings.Join(columns, ", ")).Scan(fields...); err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	return judge(found, Existing)
}
