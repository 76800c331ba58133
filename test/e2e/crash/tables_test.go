package crash_test

import (
	"database/sql"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// productState is a product and what belongs to it.
type productState struct {
	row        productRow // zero if the product was deleted
	assignment string     // SID of the assignment of an end user, empty without one
	userName   string     // of that end user
	history    []eventRow
}

// productRow has the fields of a product that must survive. Times are in whole seconds, as in the API.
type productRow struct {
	sid, account, policy, name, email, callback, status string
	created, updated                                    int64
}

// eventRow is what the tests read of an event.
type eventRow struct {
	number                                         int
	kind, actor, request, from, to, fields, object string
}

// readProducts reads the products by their SIDs, including those that were deleted, of which the histories remain.
func readProducts(t *testing.T, name string) map[string]productState {
	t.Helper()
	all := make(map[string]productState)
	for sid, row := range readRows(t, name) {
		all[sid] = productState{row: row}
	}
	for sid, history := range readHistories(t, name) {
		product := all[sid]
		product.history = history
		all[sid] = product
	}
	storetest.UseSQL(t, name, func(db *sql.DB) {
		readAll(t, db, `SELECT bundle_sid, assignments.sid, friendly_name FROM assignments
			JOIN end_users ON end_users.sid = object_sid`, func(scan func(...any) error) error {
			var of, sid, name string
			err := scan(&of, &sid, &name)
			product := all[of]
			if product.assignment != "" {
				t.Errorf("%s has the assignments %s and %s", of, product.assignment, sid)
			}
			product.assignment, product.userName = sid, name
			all[of] = product
			return err
		})
	})
	return all
}

// readHistories reads the events of all bundles, by SID. It uses the table as readRows does.
func readHistories(t *testing.T, name string) map[string][]eventRow {
	t.Helper()
	histories := make(map[string][]eventRow)
	storetest.UseSQL(t, name, func(db *sql.DB) {
		readAll(t, db, `SELECT bundle_sid, number, type, actor, request_id, from_status, to_status, fields, object_sid
			FROM events ORDER BY bundle_sid, number`, func(scan func(...any) error) error {
			var sid string
			var e eventRow
			err := scan(&sid, &e.number, &e.kind, &e.actor, &e.request, &e.from, &e.to, &e.fields, &e.object)
			histories[sid] = append(histories[sid], e)
			return err
		})
	})
	return histories
}

// readRows reads all bundles but the account's Primary Customer Profile. It reads the table itself, because the SID of a create
// without a response is unknown.
//
// It closes the database again: if this process kept a SQLite file open while a server is killed, the index of the
// write-ahead log would stay in shared memory, and the next server would not have to recover it.
func readRows(t *testing.T, name string) map[string]productRow {
	t.Helper()
	rows := make(map[string]productRow)
	storetest.UseSQL(t, name, func(db *sql.DB) {
		var integrity string
		if isPostgres(name) {
			integrity = "ok" // it has no such check
		} else if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&integrity); err != nil {
			t.Fatal(err)
		}
		if integrity != "ok" {
			t.Fatalf("integrity_check: %s", integrity)
		}
		readAll(t, db, `SELECT sid, account_sid, policy_sid, friendly_name, email,
			status_callback, status, created_at / 1000000, updated_at / 1000000 FROM bundles WHERE policy_sid <> $1`, func(scan func(...any) error) error {
			var r productRow
			err := scan(&r.sid, &r.account, &r.policy, &r.name, &r.email, &r.callback, &r.status, &r.created, &r.updated)
			rows[r.sid] = r
			return err
		}, primaryPolicySID)
	})
	return rows
}

// readAll calls each with the scanner of every row of a query.
func readAll(t *testing.T, db *sql.DB, query string, each func(scan func(...any) error) error, args ...any) {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close() //nolint:errcheck // Err below reports a failed read
	for result.Next() {
		if err := each(result.Scan); err != nil {
			t.Fatal(err)
		}
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
}
