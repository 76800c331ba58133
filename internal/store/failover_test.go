package store_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestReadOnlyServerIsLeft fences the first server of a URL, as before a switchover, so that it accepts reads only, and its
// connections stay open. Whatever the order of the hosts, the store finds the other server, and reads nothing from the first.
func TestReadOnlyServerIsLeft(t *testing.T) {
	t.Parallel()
	first := pgtest.NewCluster(t)
	second := first.NewStandby(t)
	standbyFirst, err := store.Open(t.Context(), pgtest.Hosts(second, first), store.Options{})
	check(t, err)
	defer closeStore(t, standbyFirst)
	s, err := store.Open(t.Context(), pgtest.Hosts(first, second), store.Options{})
	check(t, err)
	defer closeStore(t, s)
	both := []*store.Store{standbyFirst, s}
	for _, s := range both {
		check(t, s.PutAccount(t.Context(), store.Account{SID: "AC1", AuthToken: "before"}))
		_, err := s.Credential(t.Context(), "AC1") // opens a connection that only reads
		check(t, err)
	}

	executeOn(t, first, `ALTER SYSTEM SET default_transaction_read_only = on`, `SELECT pg_reload_conf()`)
	storetest.UseSQL(t, first.URL(), func(db *sql.DB) {
		programtest.Eventually(t, time.Minute, "fence", func() (on bool) {
			check(t, db.QueryRowContext(t.Context(), `SELECT current_setting('default_transaction_read_only') = 'on'`).Scan(&on))
			return on
		})
	})
	check(t, second.Promote())
	for _, s := range both {
		programtest.Eventually(t, time.Minute, "write", func() bool {
			err := s.PutAccount(t.Context(), store.Account{SID: "AC1", AuthToken: "after"})
			if err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Fatal(err)
			}
			return err == nil
		})
		credential, err := s.Credential(t.Context(), "AC1")
		check(t, err)
		if !credential.Accepts("after") {
			t.Error("the store reads from the server that it cannot write to")
		}
	}
}

func executeOn(t *testing.T, cluster *pgtest.Cluster, statements ...string) {
	t.Helper()
	storetest.UseSQL(t, cluster.URL(), func(db *sql.DB) {
		for _, statement := range statements {
			_, err := db.ExecContext(t.Context(), statement)
			check(t, err)
		}
	})
}
