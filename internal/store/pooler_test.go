package store_test

import (
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestMigrationsThroughPooler has more servers than PgBouncer has connections migrate an empty database at once. Each migration is
// made once, and no lock is left behind on a connection of PgBouncer's.
func TestMigrationsThroughPooler(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	pooled := pgtest.ThroughBouncer(t, direct)
	for round := range 2 { // the second finds nothing to do
		var all sync.WaitGroup
		for range 2 * pgtest.BouncerPool {
			all.Go(func() {
				s, err := store.Open(t.Context(), pooled, store.Options{})
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				closeStore(t, s)
			})
		}
		all.Wait()
	}
	storetest.UseSQL(t, direct, func(db *sql.DB) {
		for want, query := range map[string]string{
			"no migration is made twice": `SELECT COUNT(*) - COUNT(DISTINCT version_id) FROM goose_db_version`,
			"no lock is left behind":     `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'`,
		} {
			var got int
			check(t, db.QueryRowContext(t.Context(), query).Scan(&got))
			if got != 0 {
				t.Errorf("%s: %d", want, got)
			}
		}
	})
}

// TestPoolerRefusesParameter: what PgBouncer rejects is named, with what to do, and without the password.
func TestPoolerRefusesParameter(t *testing.T) {
	t.Parallel()
	pooled := pgtest.ThroughBouncer(t, strings.Replace(pgtest.New(t), "postgres@", "postgres:hunter2@", 1))
	_, err := store.Open(t.Context(), pooled+"&search_path=public", store.Options{})
	if err == nil || !strings.Contains(err.Error(), "ALTER ROLE ... SET search_path") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// TestStatementLimitThroughPooler: PgBouncer does not let a connection set a time-out. A statement that waits for a lock is ended
// nevertheless, and Postgres is told, so that PgBouncer's connection is free again.
func TestStatementLimitThroughPooler(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	s, err := store.Open(t.Context(), pgtest.ThroughBouncer(t, direct), store.Options{StatementTimeout: 100 * time.Millisecond})
	check(t, err)
	defer closeStore(t, s)
	check(t, s.PutAccount(t.Context(), store.Account{SID: "AC1"}))
	storetest.UseSQL(t, direct, func(db *sql.DB) {
		tx, err := db.BeginTx(t.Context(), nil)
		check(t, err)
		_, err = tx.ExecContext(t.Context(), `LOCK TABLE accounts`)
		check(t, err)
		for range 3 * pgtest.BouncerPool { // a connection that was not freed would be missing
			if err := s.PutAccount(t.Context(), store.Account{SID: "AC2"}); !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("while the table is locked: %v", err)
			}
		}
		check(t, tx.Rollback())
	})
	check(t, s.PutAccount(t.Context(), store.Account{SID: "AC2"}))
}
