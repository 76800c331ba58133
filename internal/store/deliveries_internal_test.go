package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestDeliveriesFollowAnIndex asks each engine how it reads a page among many notices: from the end of an index, and each
// notice's attempts through theirs, instead of sorting or reading a whole table.
func TestDeliveriesFollowAnIndex(t *testing.T) {
	page, ofBundle, dead := DeliveryFilter{Limit: 10}, DeliveryFilter{BundleSID: "BU1", Limit: 10}, DeliveryFilter{State: Dead, Limit: 10}
	t.Run("sqlite", func(t *testing.T) {
		s := withManyNotices(t, filepath.Join(t.TempDir(), "trusthub.db"))
		const explain, attempts = "EXPLAIN QUERY PLAN ", "SEARCH attempts USING INDEX sqlite_autoindex_attempts_1 (notice_id=?)"
		wantPlan(t, s, explain, page, "SCAN notices USING INDEX sqlite_autoindex_notices_1", attempts)
		wantPlan(t, s, explain, ofBundle, "SEARCH notices USING INDEX notices_order (bundle_sid=?)", attempts)
		wantPlan(t, s, explain, dead, "SCAN notices USING INDEX notices_dead", attempts)
	})
	t.Run("postgres", func(t *testing.T) {
		s := withManyNotices(t, pgtest.New(t))
		const explain, attempts = "EXPLAIN ", "Index Scan using attempts_pkey on attempts"
		wantPlan(t, s, explain, page, "Index Scan Backward using notices_pkey on notices", attempts)
		wantPlan(t, s, explain, ofBundle, "Index Scan using notices_order on notices", attempts)
		wantPlan(t, s, explain, dead, "Index Scan Backward using notices_dead on notices")
	})
}

func withManyNotices(t *testing.T, database string) *Store {
	t.Helper()
	s, err := Open(t.Context(), database, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, statement := range []string{
		`INSERT INTO notices (` + noticeRows.list + `)
			WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
			SELECT 'ND' || (100000 + n), 'email', '', '', 'BU' || n, 'trust-product', '', '', '', n, '', '', 1, 'delivered', 1, 0, '', 0, n FROM numbers`,
		`INSERT INTO attempts (` + attemptRows.list + `)
			SELECT id, 1, 0, 0, '', 0, '', '' FROM notices`,
		`ANALYZE`,
	} {
		if _, err := s.exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func wantPlan(t *testing.T, s *Store, explain string, filter DeliveryFilter, want ...string) {
	t.Helper()
	query, args := deliveriesQuery(filter)
	rows, err := s.reader.QueryContext(t.Context(), explain+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		line, ignored := "", any(nil)
		into := make([]any, len(columns))
		for i := range into {
			into[i] = &ignored
		}
		into[len(into)-1] = &line // the text; SQLite has numbers before it
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, part := range want {
		if !strings.Contains(plan.String(), part) {
			t.Errorf("%+v: no %q in the plan\n%s", filter, part, &plan)
		}
	}
}
