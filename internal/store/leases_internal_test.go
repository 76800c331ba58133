package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// counting is an explaining runner that counts statements.
type counting struct {
	*explaining
	statements int
}

func (c *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.statements++
	return c.explaining.ExecContext(ctx, query, args...)
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.statements++
	return c.explaining.QueryContext(ctx, query, args...)
}

func (c *counting) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.statements++
	return c.explaining.QueryRowContext(ctx, query, args...)
}

// TestReportsShareStatements records 20 reports, each of which releases a next notice, among many notices. It takes a few
// statements, which follow indexes: with statements for each, servers on Postgres were slower than the reviews that caused the
// notices, and one that was killed repeated all that it had sent meanwhile.
func TestReportsShareStatements(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		plans := recordMany(t, withManyNotices(t, filepath.Join(t.TempDir(), "trusthub.db")), "EXPLAIN QUERY PLAN ")
		wantNoScan(t, plans, "SCAN notices", "SCAN n", "SCAN a", "SCAN b", "SCAN f", "SCAN attempts", "SCAN bundles")
	})
	t.Run("postgres", func(t *testing.T) {
		plans := recordMany(t, withManyNotices(t, pgtest.New(t)), "EXPLAIN ")
		wantNoScan(t, plans, "Seq Scan")
	})
}

// recordMany returns the plans of the statements that record 20 reports.
func recordMany(t *testing.T, s *Store, explain string) map[string]string {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO bundles (` + bundles.list + `) SELECT bundle_sid, 'trust-product', 'AC1', 'RN1', '', '', '', 'draft', 0, '', 0, 0, 0, 0
			FROM notices`,
		`INSERT INTO notices (` + noticeRows.list + `)
			SELECT 'NE' || substr(id, 3), channel, '', '', bundle_sid, 'trust-product', '', '', '', 0, '', '', 2, 'waiting', 0, 0, '', 0, 0
			FROM notices WHERE id <= 'ND100020'`,
		`UPDATE notices SET state = 'sending', lease = 'token', ended_at = 0 WHERE id <= 'ND100020'`,
		`ANALYZE`,
	} {
		_, err := s.exec(t.Context(), statement)
		must(t, err)
	}
	var reports []Report
	for n := 1; n <= 20; n++ {
		notice := trust.Notice{ID: fmt.Sprintf("ND%d", 100000+n), BundleSID: fmt.Sprintf("BU%d", n), Channel: trust.Email}
		reports = append(reports, Report{
			Lease: Lease{Notice: notice, token: "token"}, State: Delivered, Attempt: trust.Attempt{Verdict: trust.Delivered},
		})
	}
	tx, err := s.reader.BeginTx(t.Context(), nil) // the writer of SQLite has one connection, which is taken
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing of it is needed
	run := &counting{explaining: &explaining{tx, explain, map[string]string{}}}
	released, err := s.record(session{t.Context(), run}, reports, time.UnixMicro(1))
	must(t, err)
	if !released {
		t.Error("no next notice was released")
	}
	if most := 5; run.statements > most {
		t.Errorf("%d statements, more than %d", run.statements, most)
	}
	var ready int
	must(t, tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notices WHERE state = 'ready' AND due_at = 1`).Scan(&ready))
	if ready != len(reports) {
		t.Errorf("%d next notices are ready, want %d", ready, len(reports))
	}
	return run.plans
}

// wantNoScan expects none of the lines of the plans to begin with one of these.
func wantNoScan(t *testing.T, plans map[string]string, scans ...string) {
	t.Helper()
	for query, plan := range plans {
		for line := range strings.SplitSeq(plan, "\n") {
			for _, scan := range scans {
				if line = strings.TrimLeft(line, " ->"); line == scan || strings.HasPrefix(line, scan+" ") {
					t.Errorf("%s\nreads a whole table:\n%s", query, plan)
				}
			}
		}
	}
}
