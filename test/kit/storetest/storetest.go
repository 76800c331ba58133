// Package storetest opens databases for tests, so that stores are tested on every engine.
//
// It guarantees that each test has its own database, which is deleted afterwards. The databases are real, and the package has
// no tests.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// Names returns a function for each engine that creates a database for a test and returns its name for store.Open. The database
// has the schema and no rows. It is a copy of a template, because migrating takes longer than most tests.
func Names() map[string]func(tb testing.TB) string {
	return map[string]func(tb testing.TB) string{"sqlite": newFile, "postgres": newDatabase}
}

// The templates of the databases.
var (
	newDatabase = pgtest.Template(migrate)
	template    = sync.OnceValues(migratedFile)
)

func migrate(name string) error {
	s, err := store.Open(context.Background(), name, store.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// migratedFile returns the content of a SQLite file.
func migratedFile() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "trusthub.db")
	if err := migrate(name); err != nil {
		return nil, err
	}
	return os.ReadFile(name) //nolint:gosec // G304: a temporary file of this function
}

func newFile(tb testing.TB) string {
	tb.Helper()
	content, err := template()
	if err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join(tb.TempDir(), "trusthub.db")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}

// Open opens a database and closes it when the test ends, unless the test has closed it.
func Open(tb testing.TB, name string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), name, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return s
}

// Each runs a test on every engine, in parallel with other tests.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	for name, database := range Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, database(t)))
		})
	}
}

// UseSQL calls a function with a separate connection to a database, to read or change its tables.
func UseSQL(tb testing.TB, name string, use func(*sql.DB)) {
	tb.Helper()
	driver := "sqlite"
	if store.IsPostgres(name) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	}()
	use(db)
}
