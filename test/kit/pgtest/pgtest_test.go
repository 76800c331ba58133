package pgtest_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

func TestDatabaseIsOneTestsOwn(t *testing.T) {
	t.Parallel()
	var left string
	other := connect(t, pgtest.New(t))
	t.Run("user", func(t *testing.T) {
		left = pgtest.New(t)
		db, err := sql.Open("pgx", left) // as the store connects; not closed, as in a test that fails halfway
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE marks (n BIGINT)"); err != nil {
			t.Fatal(err)
		}
		if !query[bool](t, other, "SELECT to_regclass('marks') IS NULL") {
			t.Error("the table of one database is in the other")
		}
	})
	target, err := url.Parse(left)
	if err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, other, "SELECT count(*) FROM pg_database WHERE datname = $1", path.Base(target.Path)); n != 0 {
		t.Error("the database outlived its test")
	}
}

// TestSettings checks the settings that the package promises on the servers.
func TestSettings(t *testing.T) {
	t.Setenv("TRUSTHUB_TEST_POSTGRES", "")
	for fsync, database := range map[string]func(testing.TB) string{"on": pgtest.NewDurable, "off": pgtest.New} {
		conn := connect(t, database(t))
		for name, want := range map[string]string{
			"fsync": fsync, "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "200",
			"listen_addresses": "127.0.0.1", "server_encoding": "UTF8",
		} {
			if got := query[string](t, conn, "SELECT current_setting($1)", name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	}
}

func TestTemplate(t *testing.T) {
	for name, test := range map[string]struct {
		server   string
		prepared int // how often, for two databases
	}{"private": {"", 1}, "given": {anotherServer(t), 2}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TRUSTHUB_TEST_POSTGRES", test.server)
			prepared := 0
			database := pgtest.Template(func(at string) error {
				prepared++
				conn, err := pgx.Connect(t.Context(), at)
				if err != nil {
					return err
				}
				_, err = conn.Exec(t.Context(), "CREATE TABLE marks AS SELECT 1 AS n")
				return errors.Join(err, conn.Close(t.Context()))
			})
			one, two := connect(t, database(t)), connect(t, database(t))
			if data := query[string](t, one, "SHOW data_directory"); test.server != "" && data != query[string](t, connect(t, test.server), "SHOW data_directory") {
				t.Errorf("the database is in %s, not on the given server", data)
			}
			execute(t, one, "INSERT INTO marks VALUES (2)")
			if first, second := query[int](t, one, "SELECT sum(n) FROM marks"), query[int](t, two, "SELECT sum(n) FROM marks"); first != 3 || second != 1 {
				t.Errorf("the sums are %d and %d, want 3 and 1", first, second)
			}
			if prepared != test.prepared {
				t.Errorf("prepared %d times, want %d", prepared, test.prepared)
			}
		})
	}
}

// anotherServer returns the URL of a server that New does not use by itself.
func anotherServer(t *testing.T) string {
	t.Helper()
	t.Setenv("TRUSTHUB_TEST_POSTGRES", "")
	return pgtest.NewDurable(t)
}

func connect(tb testing.TB, at string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), at)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		// After a kill the connection is broken, so closing it returns an error.
		if err := conn.Close(context.Background()); err != nil && !conn.IsClosed() {
			tb.Error(err)
		}
	})
	return conn
}

func execute(tb testing.TB, conn *pgx.Conn, statement string, args ...any) {
	tb.Helper()
	if _, err := conn.Exec(tb.Context(), statement, args...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func query[T any](tb testing.TB, conn *pgx.Conn, statement string, args ...any) T {
	tb.Helper()
	rows, err := conn.Query(tb.Context(), statement, args...)
	value, err2 := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err := errors.Join(err, err2); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
	return value
}
