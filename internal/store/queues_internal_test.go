package store

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestDueFollowsItsIndex asks each engine how it finds what is due in one queue, while much more is due in another. Each query
// must go to its place in the index of its columns: notices_due would lead it past all that is due to others. From the sixth call of a
// connection on, Postgres may use its plan for any parameters.
func TestDueFollowsItsIndex(t *testing.T) {
	for engine, test := range map[string]struct {
		name, explain string
		unwanted      []string
	}{
		"sqlite": {
			filepath.Join(t.TempDir(), "trusthub.db"), "EXPLAIN QUERY PLAN ",
			[]string{"notices_due", "FOR ORDER BY", "FOR LAST"},
		},
		"postgres": {pgtest.New(t), "EXPLAIN ", []string{"notices_due", "Seq Scan on notices", "Bitmap", "Sort Key: due_at", "Sort Key: notices.endpoint\n"}},
	} {
		t.Run(engine, func(t *testing.T) {
			s := withManyNotices(t, test.name)
			for _, statement := range []string{
				`UPDATE notices SET account_sid = 'AC1', endpoint = 'smtp', state = 'ready', due_at = 1, ended_at = 0`,
				`UPDATE notices SET account_sid = 'AC2', due_at = 2 WHERE id = 'ND120000'`,
				`ANALYZE`,
			} {
				_, err := s.exec(t.Context(), statement)
				must(t, err)
			}
			tx, err := s.reader.BeginTx(t.Context(), nil) // the writer of SQLite has one connection, which is taken
			must(t, err)
			defer tx.Rollback() //nolint:errcheck // nothing of it is needed
			run := &explaining{tx, test.explain, map[string]string{}}
			s.reads = run
			leaseOf(t, s, run, "AC2")
			for _, query := range slices.Sorted(maps.Keys(run.plans)) {
				plan := run.plans[query]
				for _, unwanted := range test.unwanted {
					if strings.Contains(plan, unwanted) {
						t.Errorf("%s\nis planned with %s:\n%s", query, unwanted, plan)
					}
				}
				if engine == "sqlite" {
					continue
				}
				if plan := genericPlan(t, tx, query); strings.Contains(plan, "notices_due") || strings.Contains(plan, "Key: notices.endpoint\n") {
					t.Errorf("%s\nis planned for any parameters with notices_due or a sort by endpoint:\n%s", query, plan)
				}
			}
		})
	}
}

// leaseOf looks for what is due to an account in all ways, and leases it.
func leaseOf(t *testing.T, s *Store, run runner, account string) {
	t.Helper()
	ctx, now := t.Context(), time.UnixMicro(2)
	line := Line{AccountSID: account, Channel: trust.Email}
	queue := Queue{AccountSID: account, Channel: trust.Email, Endpoint: "smtp"}
	lines, err := s.DueLines(ctx, now)
	if err != nil || !slices.Equal(lines, []Line{{"AC1", trust.Email}, line}) {
		t.Errorf("lines %v, %v", lines, err)
	}
	due, _, err := s.DueQueuesOf(ctx, line, now, 64)
	if err != nil || !slices.Equal(due, []Grant{{queue, 1}}) {
		t.Errorf("queues %v, %v", due, err)
	}
	endpoints, _, err := s.DueEndpoints(ctx, line, "", 64, now)
	if err != nil || !slices.Equal(endpoints, []string{"smtp"}) {
		t.Errorf("endpoints %v, %v", endpoints, err)
	}
	leases, err := s.lease(session{ctx, run}, Grant{queue, 64}, now, time.Second)
	if err != nil || len(leases) != 1 || leases[0].Notice.ID != "ND120000" {
		t.Errorf("leases %v, %v", leases, err)
	}
}

// genericPlan returns Postgres's plan of a query for any parameters.
func genericPlan(t *testing.T, tx *sql.Tx, query string) string {
	t.Helper()
	for _, statement := range []string{`SET LOCAL plan_cache_mode = force_generic_plan`, `PREPARE planned AS ` + query} {
		_, err := tx.ExecContext(t.Context(), statement)
		must(t, err)
	}
	parameters := strings.TrimSuffix(strings.Repeat("NULL, ", highestParameter(query)), ", ")
	plan, err := queryAll(session{t.Context(), tx}, scanString, `EXPLAIN EXECUTE planned(`+parameters+`)`)
	must(t, err)
	_, err = tx.ExecContext(t.Context(), `DEALLOCATE planned`)
	must(t, err)
	return strings.Join(plan, "\n")
}

func highestParameter(query string) int {
	highest := 0
	for strings.Contains(query, fmt.Sprintf("$%d", highest+1)) {
		highest++
	}
	return highest
}

// TestReplaysShareStatements replays 20 notices with few statements, which follow indexes.
func TestReplaysShareStatements(t *testing.T) {
	for engine, test := range map[string]struct {
		name, explain string
		scans         []string
	}{
		"sqlite":   {filepath.Join(t.TempDir(), "trusthub.db"), "EXPLAIN QUERY PLAN ", []string{"SCAN notices", "SCAN n", "SCAN bundles"}},
		"postgres": {pgtest.New(t), "EXPLAIN ", []string{"Seq Scan"}},
	} {
		t.Run(engine, func(t *testing.T) {
			s := withManyNotices(t, test.name)
			_, err := s.exec(t.Context(), `INSERT INTO bundles (`+bundles.list+`)
				SELECT bundle_sid, 'trust-product', 'AC1', 'RN1', '', '', '', 'draft', 0, '', 0, 0, 0, 0 FROM notices`)
			must(t, err)
			_, err = s.exec(t.Context(), `ANALYZE`)
			must(t, err)
			tx, err := s.reader.BeginTx(t.Context(), nil) // the writer of SQLite has one connection, which is taken
			must(t, err)
			defer tx.Rollback() //nolint:errcheck // nothing of it is needed
			run := &counting{explaining: &explaining{tx, test.explain, map[string]string{}}}
			count, err := s.replayAll(session{t.Context(), run}, DeliveryFilter{Channel: trust.Email, Limit: 20}, time.UnixMicro(1))
			if count != 20 || err != nil {
				t.Errorf("%d are replayed, want 20: %v", count, err)
			}
			if most := 3; run.statements > most {
				t.Errorf("%d statements, more than %d", run.statements, most)
			}
			delete(run.plans, firstQuery(run.plans)) // the filter has no index
			wantNoScan(t, run.plans, test.scans...)
			var ready int
			must(t, tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notices WHERE state = 'ready' AND due_at = 1`).Scan(&ready))
			if ready != 20 {
				t.Errorf("%d are ready, want 20", ready)
			}
		})
	}
}

// firstQuery returns the query that chooses what is replayed.
func firstQuery(plans map[string]string) string {
	for query := range plans {
		if strings.Contains(query, "ended_at <> 0") {
			return query
		}
	}
	return ""
}
