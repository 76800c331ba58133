package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// explaining is a runner that notes the plan of each query that it runs.
type explaining struct {
	*sql.Tx
	explain string // what a statement is explained with
	plans   map[string]string
}

func (e *explaining) note(ctx context.Context, query string, args []any) error {
	plan, err := queryAll(session{ctx, e.Tx}, func(row scanner) (line string, err error) {
		if e.explain == "EXPLAIN " {
			return line, row.Scan(&line)
		}
		var number int
		return line, row.Scan(&number, &number, &number, &line)
	}, e.explain+query, args...)
	e.plans[query] = strings.Join(plan, "\n")
	return err
}

func (e *explaining) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := e.note(ctx, query, args); err != nil {
		return nil, err
	}
	return e.Tx.ExecContext(ctx, query, args...)
}

func (e *explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := e.note(ctx, query, args); err != nil {
		return nil, err
	}
	return e.Tx.QueryContext(ctx, query, args...)
}

func (e *explaining) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	_ = e.note(ctx, query, args) // the query itself reports the same
	return e.Tx.QueryRowContext(ctx, query, args...)
}

// plansOfContents returns the plans of all statements that requests for the contents of bundles run, but for plain INSERTs.
func plansOfContents(t *testing.T, s *Store, explain string) map[string]string {
	t.Helper()
	tx, err := s.reader.BeginTx(t.Context(), nil) // the writer of SQLite has one connection, which is taken
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // nothing of it is needed
	run := &explaining{tx, explain, map[string]string{}}
	q := session{t.Context(), run}
	_, _, err = s.EndUsers.lockWithBundles(q, Scope{"AC1"}, "IT1")
	must(t, err)
	_, _, err = s.Bundles.lockWithBundles(q, BundlesOf("AC1", trust.TrustProduct), "BU1")
	must(t, err)
	for _, object := range []string{"IT1", "RD1", "BU2"} {
		a := trust.Assignment{AccountSID: "AC1", BundleSID: "BU1", ObjectSID: object}
		_, _, err = s.lockBundles(q, BundlesOf("AC1", trust.TrustProduct), &a)
		must(t, err)
		for _, bundleLocked := range []bool{false, true} {
			_, err = s.lockObject(q, &a, bundleLocked)
			must(t, err)
		}
	}
	must(t, completeEvaluation(q, &trust.Evaluation{BundleSID: "BU1"}, func(*trust.Evaluation, trust.Assigned) {}))
	_, _, err = findEndpoint(q, &trust.ChannelEndpoint{AccountSID: "AC1", PolicySID: "RN1", EndpointSID: "PN1"})
	must(t, err)
	must(t, addEventTo(q, "BU1", trust.Event{}))
	must(t, assignPositions(q, 10))
	_, err = removeEvents(q, "BU1", 7)
	must(t, err)
	for _, page := range []HistoryPage{{Limit: 10}, {Limit: 10, Newest: true}, {Limit: 10, Newest: true, After: 5}} {
		_, err = queryAll(q, events.scan, historyQuery(page), "BU1", page.After, page.Limit)
		must(t, err)
	}
	_, err = queryAll(q, events.scan, eventsAfter, 7, 10)
	must(t, err)
	_, err = q.exec(oldHistories, 7, 10)
	must(t, err)
	must(t, unassignAll(q, "IT1", trust.Origin{}))
	for _, l := range []layout{assignments.layout, channelEndpoints.layout, evaluations.layout} {
		for _, r := range []Range{{Limit: 50}, {Limit: 50, After: "EL5"}, {Limit: 50, After: "EL5", Backward: true}} {
			list := listing{l, Query{Of: Scope{"BU1"}, Range: r}}.unfiltered()
			_, err := q.exec(list.text, list.args...)
			must(t, err)
		}
	}
	for _, l := range []layout{endUsers.layout, documents.layout} {
		list := listing{l, Query{Of: Scope{"AC2"}, Range: Range{Limit: 50, After: "IT5"}}}.unfiltered()
		_, err := q.exec(list.text, list.args...)
		must(t, err)
	}
	return run.plans
}

func TestContentsUseIndexesOnSQLite(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // a test's database
	must(t, s.EndUsers.Create(t.Context(), trust.EndUser{SID: "IT1", AccountSID: "AC1"}))
	must(t, s.Bundles.Create(t.Context(), trust.Bundle{SID: "BU1", Kind: trust.TrustProduct, AccountSID: "AC1"}))
	for query, plan := range plansOfContents(t, s, "EXPLAIN QUERY PLAN ") {
		for line := range strings.SplitSeq(plan, "\n") {
			if strings.HasPrefix(line, "SCAN ") && !harmlessScan.MatchString(line) {
				t.Errorf("%s\nreads a whole table:\n%s", query, plan)
			}
		}
	}
}

// harmlessScan matches a scan of the result of a subquery, and one of an index that has only the rows that are wanted.
var harmlessScan = regexp.MustCompile(`^SCAN (CONSTANT ROW|\(subquery-\d+\)|unplaced|next|events USING INDEX events_without_position)$`)

func TestContentsUseIndexesOnPostgres(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	must(t, err)
	defer s.Close() //nolint:errcheck // a test's database
	conn, err := s.reader.Conn(t.Context())
	must(t, err)
	const many = ` FROM generate_series(1, 20000) AS i`
	run(t, conn, `INSERT INTO bundles (`+bundles.list+`) SELECT 'BU' || i, 'trust-product', 'AC1', 'RN1', '', '', '', 'draft', 0, '', 0, 0, 0, 0`+many)
	run(t, conn, `INSERT INTO end_users (`+endUsers.list+`) SELECT 'IT' || i, 'AC1', '', 't', '', 0, 0`+many)
	run(t, conn, `INSERT INTO supporting_documents (`+documents.list+`) SELECT 'RD' || i, 'AC1', '', 't', '', 0, 0`+many)
	run(t, conn, `INSERT INTO assignments (`+assignments.list+`) SELECT 'BV' || i, 'AC1', 'BU' || i / 3 + 1, 'IT' || i, 't', 0`+many)
	run(t, conn, `INSERT INTO channel_endpoints (`+channelEndpoints.list+`) SELECT 'RA' || i, 'AC1', 'BU' || i, 'RN1', '', 'PN' || i, 0`+many)
	run(t, conn, `INSERT INTO evaluations (`+evaluations.list+`) SELECT 'EL' || i, 'AC1', 'BU' || i / 3 + 1, 'RN1', '', '[]', 0`+many)
	run(t, conn, `INSERT INTO events (`+events.list+`)
		SELECT 'BU' || i / 3 + 1, i, 'trust-product', 'AC1', CASE i % 100 WHEN 0 THEN 'deleted' ELSE 'updated' END, '', '', i, '', '', '', '', '', CASE WHEN i < 19000 THEN i ELSE 0 END, i`+many)
	run(t, conn, `INSERT INTO event_positions (id, last) VALUES (1, 20000)`)
	must(t, conn.Close())
	_, err = s.writer.ExecContext(t.Context(), `ANALYZE`)
	must(t, err)
	for query, plan := range plansOfContents(t, s, "EXPLAIN ") {
		plan = strings.ReplaceAll(plan, "Seq Scan on event_positions", "") // which has one row
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\nreads a whole table:\n%s", query, plan)
		}
	}
}
