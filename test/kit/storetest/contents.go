package storetest

import (
	"database/sql"
	"testing"
)

// WantWholeContents expects no row that refers to something deleted, and no phone number on two bundles of a policy.
func WantWholeContents(tb testing.TB, db *sql.DB) {
	tb.Helper()
	for name, query := range map[string]string{
		"assignments to no bundle": `SELECT COUNT(*) FROM assignments WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"assignments of no object": `SELECT COUNT(*) FROM assignments WHERE object_sid NOT IN
			(SELECT sid FROM bundles UNION ALL SELECT sid FROM end_users UNION ALL SELECT sid FROM supporting_documents)`,
		"evaluations of no bundle": `SELECT COUNT(*) FROM evaluations WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"endpoints of no bundle":   `SELECT COUNT(*) FROM channel_endpoints WHERE bundle_sid NOT IN (SELECT sid FROM bundles)`,
		"endpoints on two bundles": `SELECT COUNT(*) FROM (SELECT 1 FROM channel_endpoints
			GROUP BY account_sid, policy_sid, channel_endpoint_sid HAVING COUNT(*) > 1) AS twice`,
	} {
		wantNone(tb, db, name, query)
	}
}

// WantNoDeadlocks expects that no two transactions have locked rows in opposite orders: the store runs a transaction again that
// was aborted for that, but Postgres takes a second to notice. Connections report their statistics when they are closed.
func WantNoDeadlocks(tb testing.TB, db *sql.DB) {
	tb.Helper()
	wantNone(tb, db, "deadlocks", `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
}

// wantNone expects a query to return 0.
func wantNone(tb testing.TB, db *sql.DB, name, query string) {
	tb.Helper()
	var n int
	if err := db.QueryRowContext(tb.Context(), query).Scan(&n); err != nil || n > 0 {
		tb.Errorf("%s: %d, %v", name, n, err)
	}
}
