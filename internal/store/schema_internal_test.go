package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// onEach runs a test for each engine with the name of a database, empty at first. (storetest would be an import cycle here.)
func onEach(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "trusthub.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.New(t))
	})
}

// useDirectly opens a database as any other program would.
func useDirectly(t *testing.T, name string, use func(*sql.DB)) {
	t.Helper()
	driver := "sqlite"
	if IsPostgres(name) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, name)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	use(db)
}

func execute(statements ...string) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		t.Helper()
		useDirectly(t, name, func(db *sql.DB) {
			for _, statement := range statements {
				_, err := db.ExecContext(context.WithoutCancel(t.Context()), statement) // also in a Cleanup
				must(t, err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// empty makes the file, as `touch` does; Postgres has made its database.
func empty(t *testing.T, name string) {
	t.Helper()
	if !IsPostgres(name) {
		must(t, os.WriteFile(name, nil, 0o600))
	}
}

// migrateTo is what an older version of this program has left. At 0 goose has made its table and no more.
func migrateTo(version int64) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		t.Helper()
		useDirectly(t, name, func(db *sql.DB) {
			dir, err := fs.Sub(migrations, "migrations")
			must(t, err)
			e := sqliteEngine()
			if IsPostgres(name) {
				e = postgresEngine()
			}
			provider, err := goose.NewProvider(e.dialect, db, dir)
			must(t, err)
			if version == 0 {
				_, err = provider.GetDBVersion(t.Context())
			} else {
				_, err = provider.UpTo(t.Context(), version)
			}
			must(t, err)
		})
	}
}

// What another program has that uses goose too.
const (
	otherGoose    = `CREATE TABLE goose_db_version (version_id BIGINT NOT NULL, is_applied INTEGER NOT NULL)`
	otherVersions = `INSERT INTO goose_db_version VALUES (0, 1), (1, 1)`
)

// TestAccess opens what may be there for each purpose: what does not fit is refused, and left as it is.
func TestAccess(t *testing.T) {
	last, foreign := latest(), [3]error{ErrForeign, ErrForeign, ErrForeign}
	for _, c := range []struct {
		name  string
		make  func(t *testing.T, name string)
		found int64
		want  [3]error // for Migrate, Create, Existing
	}{
		{"empty", empty, 0, [3]error{nil, nil, ErrEmpty}},
		{"goose began and did not get on", migrateTo(0), 0, [3]error{nil, nil, ErrEmpty}},
		{"the first version", migrateTo(1), 1, [3]error{nil, ErrOlder, ErrOlder}},
		{"the version before", migrateTo(last - 1), last - 1, [3]error{nil, ErrOlder, ErrOlder}},
		{"this version", migrateTo(last), last, [3]error{}},
		{"a much later version", func(t *testing.T, name string) {
			migrateTo(last)(t, name)
			execute(laterVersion, removes)(t, name)
		}, 0, [3]error{ErrNewer, ErrNewer, ErrNewer}},
		{"a later version that serves this program", func(t *testing.T, name string) {
			migrateTo(last)(t, name)
			execute(nextVersion)(t, name)
		}, last + 1, [3]error{}},
		{"a later version that no longer serves this program", func(t *testing.T, name string) {
			migrateTo(last)(t, name)
			execute(nextVersion, removes)(t, name)
		}, 0, [3]error{ErrNewer, ErrNewer, ErrNewer}},
		{"a later version that does not say what it serves", func(t *testing.T, name string) {
			migrateTo(last)(t, name)
			execute(nextVersion, `DELETE FROM schema_compatibility`)(t, name)
		}, 0, [3]error{ErrNewer, ErrNewer, ErrNewer}},
		{"another program's", execute(`CREATE TABLE poems (text TEXT)`), 0, foreign},
		{"another program's view", execute(`CREATE VIEW poems AS SELECT 1 AS one`), 0, foreign},
		{"another program's, with goose", execute(otherGoose, otherVersions, `CREATE TABLE poems (text TEXT)`), 0, foreign},
		{
			"another shop's, with goose",
			execute(otherGoose, otherVersions, `CREATE TABLE accounts (id BIGINT)`, `CREATE TABLE products (id BIGINT)`),
			0, foreign,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, name string) {
				c.make(t, name)
				for _, access := range []Access{Existing, Create, Migrate} { // the last may change the database
					checkAccess(t, name, access, c.found, c.want[access])
				}
			})
		})
	}
}

// What migrations leave that this program does not know.
var (
	laterVersion = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000000, true)`
	nextVersion  = fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, latest()+1)
	removes      = fmt.Sprintf(`UPDATE schema_compatibility SET oldest_program = %d`, latest()+1)
)

func checkAccess(t *testing.T, name string, access Access, found int64, want error) {
	t.Helper()
	before := content(t, name)
	s, err := Open(t.Context(), name, Options{Access: access})
	if err != nil {
		if want == nil || !errors.Is(err, want) {
			t.Errorf("access %d: %v, want %v", access, err, want)
		}
		if after := content(t, name); after != before {
			t.Errorf("access %d was refused, and changed the database from\n%s\nto\n%s", access, before, after)
		}
		return
	}
	defer func() { must(t, s.Close()) }()
	if want != nil {
		t.Errorf("access %d: it opens, want %v", access, want)
	}
	from, to := s.Migrated()
	// What Create has made, Migrate finds.
	if want := max(found, latest()); (from != found && from != want) || to != want {
		t.Errorf("access %d: migrated from %d to %d, want from %d to %d", access, from, to, found, want)
	}
	if err := s.PutAccount(t.Context(), Account{SID: "AC1"}); err != nil {
		t.Error(err)
	}
}

// content is all that shows whether somebody has changed the database: on SQLite the bytes of the file, and what lies beside it.
func content(t *testing.T, name string) string {
	t.Helper()
	if !IsPostgres(name) {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		files, err := filepath.Glob(name + "*")
		must(t, err)
		return fmt.Sprintf("%q, hash %x", files, sha256.Sum256(text))
	}
	var names []string
	useDirectly(t, name, func(db *sql.DB) {
		var err error
		names, err = queryAll(session{t.Context(), db}, scanString, postgresEngine().names)
		must(t, err)
	})
	slices.Sort(names)
	return strings.Join(names, "\n")
}

// A copy knows the tables of its program. A newer schema may have more, also where it serves this program.
func TestCopyOfANewerSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		from, err := Open(t.Context(), filepath.Join(t.TempDir(), "from.db"), Options{})
		must(t, err)
		defer func() { must(t, from.Close()) }()
		migrateTo(latest())(t, name)
		execute(nextVersion)(t, name)
		newer, err := Open(t.Context(), name, Options{})
		must(t, err)
		defer func() { must(t, newer.Close()) }()
		for what, err := range map[string]error{"to it": copyAll(t, from, newer), "from it": copyAll(t, newer, from)} {
			if !errors.Is(err, ErrNewer) {
				t.Errorf("%s: %v, want ErrNewer", what, err)
			}
		}
	})
}

func copyAll(t *testing.T, from, to *Store) error {
	t.Helper()
	_, err := from.CopyTo(t.Context(), to, func(int64, int64) {})
	return err
}

// A file that is not there is made to be used and migrated, and by nothing else.
func TestAccessToNoFile(t *testing.T) {
	for access, made := range map[Access]bool{Migrate: true, Create: true, Existing: false} {
		name := filepath.Join(t.TempDir(), "trusthub.db")
		s, err := Open(t.Context(), name, Options{Access: access})
		if made != (err == nil) || !made && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("access %d: %v", access, err)
		}
		if s != nil {
			must(t, s.Close())
		}
		if _, err := os.Stat(name); made != (err == nil) {
			t.Errorf("access %d: %v", access, err)
		}
	}
}

// damageLimit is much more than it takes to see that a file is damaged, and less than goose tries.
const damageLimit = 3 * time.Second

// A SQLite file that is damaged is refused at once and by its name.
func TestDamagedFile(t *testing.T) {
	for _, table := range []string{"sqlite_schema", versionTable} {
		t.Run(table, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "trusthub.db")
			migrateTo(latest())(t, name)
			page := 1
			useDirectly(t, name, func(db *sql.DB) {
				if table != "sqlite_schema" {
					must(t, db.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = $1`, table).Scan(&page))
				}
			})
			file, err := os.OpenFile(name, os.O_RDWR, 0)
			must(t, err)
			const pageSize, header = 4096, 100
			_, err = file.WriteAt([]byte(strings.Repeat("\xff", pageSize-header)), int64(page-1)*pageSize+header*int64(1/page))
			must(t, errors.Join(err, file.Close()))

			for _, access := range []Access{Existing, Create, Migrate} {
				ctx, cancel := context.WithTimeoutCause(t.Context(), damageLimit, errors.New("it takes too long"))
				s, err := Open(ctx, name, Options{Access: access})
				if err == nil {
					must(t, s.Close())
				}
				if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "damaged") || ctx.Err() != nil {
					t.Errorf("access %d: %v, %v", access, err, context.Cause(ctx))
				}
				cancel()
			}
		})
	}
}
