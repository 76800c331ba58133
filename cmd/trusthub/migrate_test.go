package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// databaseCommands returns all commands that need an existing database.
func databaseCommands(db string) [][]string {
	const bundle, delivery = "BU00000000000000000000000000000001", "ND00000000000000000000000000000001"
	return [][]string{
		{"reviews", "--db", db},
		{"approve", "--db", db, bundle},
		{"reject", "--db", db, bundle, "--code", "18601"},
		{"deliveries", "--db", db},
		{"events", "--db", db, bundle},
		{"replay", "--db", db, delivery},
		{"replay", "--db", db, "--dead"},
		{"drop", "--db", db, delivery},
		{"accounts", "list", "--db", db},
		{"erase", "--db", db, "--bundle", bundle},
		{"copy", "--from", db, "--to", filepath.Join(filepath.Dir(db), "copy.db")},
	}
}

// TestSchemaThatDoesNotFit checks that every command refuses databases with another schema, and leaves them unchanged.
func TestSchemaThatDoesNotFit(t *testing.T) {
	serve := func(db string) [][]string { return [][]string{{"serve", "--listen", "127.0.0.1:0", "--db", db}} }
	add := func(db string) [][]string { return [][]string{{"accounts", "add", "--db", db}} }
	migrate := func(db string) [][]string {
		return [][]string{{"migrate", "--db", db}, {"copy", "--from", filepath.Join(filepath.Dir(db), "full.db"), "--to", db}}
	}
	for _, c := range []struct {
		name, want string
		make       func(t *testing.T, name string)
		refused    []func(db string) [][]string
	}{
		{
			"older", "older than this program (it has version 1, this program's is ", makeSchema(1),
			[]func(string) [][]string{databaseCommands, add},
		},
		{"older, and what to do", "'trusthub migrate'", makeSchema(1), []func(string) [][]string{databaseCommands, add}},
		{
			"newer", "newer than this program; use the version of trusthub that made it", makeSchema(0,
				`INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000000, true)`, `UPDATE schema_compatibility SET oldest_program = 1000000`),
			[]func(string) [][]string{databaseCommands, add, serve, migrate},
		},
		{
			"another program's", "another program's database", changeDatabase(`CREATE TABLE poems (text TEXT)`),
			[]func(string) [][]string{databaseCommands, add, serve, migrate},
		},
		{"empty", "'trusthub serve' or 'trusthub migrate'", changeDatabase(), []func(string) [][]string{databaseCommands}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := filepath.Join(t.TempDir(), "trusthub.db")
			makeSchema(0)(t, filepath.Join(filepath.Dir(db), "full.db"))
			c.make(t, db)
			before := readFile(t, db)
			for _, commands := range c.refused {
				for _, args := range commands(db) {
					if printed := runCommand(t, 1, args...); !strings.Contains(printed, c.want) {
						t.Errorf("%v: the error does not say %q: %s", args, c.want, printed)
					}
					if !bytes.Equal(readFile(t, db), before) {
						t.Fatalf("%v changed the database", args)
					}
				}
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(db), "copy.db")); err == nil {
				t.Error("a copy was created")
			}
		})
	}
}

// TestMigrate checks that migrate creates the tables of an empty database, upgrades an older one, and then changes nothing.
func TestMigrate(t *testing.T) {
	t.Parallel()
	file := func(t testing.TB) string { return filepath.Join(t.TempDir(), "trusthub.db") }
	for engine, newDatabase := range map[string]func(testing.TB) string{"sqlite": file, "postgres": pgtest.New} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			testMigrate(t, newDatabase(t), newDatabase(t))
		})
	}
}

func testMigrate(t *testing.T, empty, older string) {
	t.Helper()
	makeSchema(1)(t, older)
	for db, from := range map[string]int64{empty: 0, older: 1} {
		first, again := runMigrate(t, db), runMigrate(t, db)
		if first.From != from || first.To <= 1 || again.From != first.To || again.To != first.To {
			t.Errorf("from version %d: migrated %+v, and then %+v", from, first, again)
		}
		runCommand(t, 0, "accounts", "add", "--db", db)
		runCommand(t, 0, "accounts", "list", "--db", db)
	}
}

// A server upgrades an older database when it starts, and copy upgrades the one that it fills.
func TestOthersThatMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	served, target := filepath.Join(dir, "served.db"), filepath.Join(dir, "target.db")
	makeSchema(1)(t, served)
	makeSchema(1)(t, target)
	server := programtest.Start(t, programtest.Command{
		Path: "trusthub", Args: []string{"serve", "--listen", "127.0.0.1:0", "--db", served}, Dir: dir,
	})
	if _, err := server.Await(regexp.MustCompile(`upgraded the database's schema.*"from":1,`), 1); err != nil {
		t.Error(err)
	}
	if _, err := server.URL(); err != nil {
		t.Error(err)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	runCommand(t, 0, "copy", "--from", served, "--to", target)
	for _, db := range []string{served, target} {
		if done := runMigrate(t, db); done.From != done.To {
			t.Errorf("%s was not migrated: %+v", db, done)
		}
	}
}

func runMigrate(t *testing.T, db string) (done migration) {
	t.Helper()
	printed := runCommand(t, 0, "migrate", "--db", db)
	if err := json.Unmarshal([]byte(printed), &done); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	return done
}

// makeSchema creates a database with the schema of a version, or for 0 of the latest, and then runs the statements.
func makeSchema(version int64, statements ...string) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		t.Helper()
		if version == 0 {
			useStore(t, name, func(*store.Store) error { return nil })
		} else {
			storetest.UseSQL(t, name, func(db *sql.DB) {
				dialect := goose.DialectSQLite3
				if store.IsPostgres(name) {
					dialect = goose.DialectPostgres
				}
				provider, err := goose.NewProvider(dialect, db, os.DirFS("../../internal/store/migrations"))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := provider.UpTo(t.Context(), version); err != nil {
					t.Fatal(err)
				}
			})
		}
		changeDatabase(statements...)(t, name)
	}
}

// changeDatabase runs statements on a database. Without any it only creates an empty file if the file is missing.
func changeDatabase(statements ...string) func(t *testing.T, name string) {
	return func(t *testing.T, name string) {
		t.Helper()
		if !store.IsPostgres(name) {
			file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		storetest.UseSQL(t, name, func(db *sql.DB) {
			for _, statement := range statements {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runCommand runs the program and returns what it printed.
func runCommand(t *testing.T, want int, args ...string) (printed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit) // in case a server starts that should not
	defer cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, args, &out, &errs); code != want {
		t.Fatalf("%v: status %d, want %d: %s%s", args, code, want, &out, &errs)
	}
	return out.String() + errs.String()
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
