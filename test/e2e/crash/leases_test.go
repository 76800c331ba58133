package crash_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// leaseTaken is a server's lease on a notice, which is the right to send it.
type leaseTaken struct {
	server string
	taken  time.Time
}

// String formats the lease for messages.
func (l leaseTaken) String() string { return l.server + " at " + l.taken.Format(time.StampMicro) }

// logLeases makes Postgres log each lease in its transaction. Nothing else shows which server sent a callback.
func logLeases(t *testing.T, name string) {
	t.Helper()
	storetest.UseSQL(t, name, func(db *sql.DB) {
		for _, statement := range []string{
			`CREATE TABLE test_leases (notice_id TEXT NOT NULL, server TEXT NOT NULL, taken_at TIMESTAMPTZ NOT NULL)`,
			`CREATE FUNCTION test_log_lease() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
				INSERT INTO test_leases VALUES (NEW.id, current_setting('application_name'), clock_timestamp());
				RETURN NULL;
			END $$`,
			`CREATE TRIGGER test_log_lease AFTER UPDATE OF lease ON notices FOR EACH ROW
				WHEN (NEW.lease <> '' AND NEW.lease <> OLD.lease) EXECUTE FUNCTION test_log_lease()`,
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// readLeases returns the leases of each notice in the order in which they were taken.
func readLeases(t *testing.T, name string) map[string][]leaseTaken {
	t.Helper()
	leases := map[string][]leaseTaken{}
	storetest.UseSQL(t, name, func(db *sql.DB) {
		rows, err := db.QueryContext(t.Context(), `SELECT notice_id, server, taken_at FROM test_leases ORDER BY taken_at`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close() //nolint:errcheck // Err below reports a failed read
		for rows.Next() {
			var id string
			var lease leaseTaken
			if err := rows.Scan(&id, &lease.server, &lease.taken); err != nil {
				t.Fatal(err)
			}
			leases[id] = append(leases[id], lease)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return leases
}

// leaseTally counts leases to show that servers died during deliveries.
type leaseTally struct {
	Leases  int
	Retaken int // leases of notices that had been leased before
	Servers int // that took leases
}

// verifyLeases expects every lease to have been used at most once, and a notice to have a second lease only after a server or
// Postgres died: explained reports whether that is the reason for the second lease.
func (run *campaignRun) verifyLeases(t *testing.T, explained func(first, second leaseTaken) bool) leaseTally {
	t.Helper()
	receptions := map[string]int{}
	for _, received := range run.customer.received {
		for _, r := range received {
			receptions[r.token]++
		}
	}
	tally, servers := leaseTally{}, map[string]bool{}
	all := readLeases(t, run.db)
	for id, leases := range all {
		if receptions[id] > len(leases) {
			t.Errorf("notice %s was received %d times, its leases are %v", id, receptions[id], leases)
		}
		for i, lease := range leases {
			tally.Leases++
			servers[lease.server] = true
			if i == 0 {
				continue
			}
			tally.Retaken++
			if !explained(leases[i-1], lease) {
				t.Errorf("notice %s was leased twice without a death in between: %v", id, leases)
			}
		}
	}
	for id := range receptions {
		if all[id] == nil {
			t.Errorf("notice %s was received but never leased", id)
		}
	}
	tally.Servers = len(servers)
	return tally
}

// settle waits until nothing is left to do, which includes the end of the killed servers' leases. Because the time depends on
// how much the load has left, it gives up only if there is no progress.
func (run *campaignRun) settle(t *testing.T) {
	t.Helper()
	storetest.UseSQL(t, run.db, func(db *sql.DB) {
		soon := time.Now().Add(time.Hour).UnixMicro() // approvals expire next year
		unfinished := func() int {
			return queryCount(t, db, `SELECT (SELECT COUNT(*) FROM bundles WHERE due_at > 0 AND due_at < $1)
				+ (SELECT COUNT(*) FROM notices WHERE ended_at = 0)`, soon)
		}
		for left := unfinished(); left > 0; {
			before := left
			await(t, "progress of the work that is left", func() bool {
				left = unfinished()
				return left != before
			})
		}
	})
}

// verifyCreatedOnce expects every product to be known to a client: a client repeats a create with its idempotency key until
// it gets a response.
func (run *campaignRun) verifyCreatedOnce(t *testing.T) {
	t.Helper()
	for sid, row := range readRows(t, run.db) {
		if _, ok := run.created[sid]; !ok {
			t.Errorf("no client knows %+v", row)
		}
	}
}
