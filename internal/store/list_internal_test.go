package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// queries are lists of every kind: each filter, from the end and from the middle, in both directions.
func queries() []Query {
	var all []Query
	for _, where := range []map[string]string{
		nil, {"status": "draft"}, {"friendly_name": "nope"}, {"status": "draft", "policy_sid": "nope"},
	} {
		for _, r := range []Range{{}, {After: "BU5"}, {After: "BU5", Backward: true}, {After: "BU7", Until: "BU5"}} {
			r.Limit, r.Step = 50, 1000
			all = append(all, Query{Of: BundlesOf("AC2", trust.TrustProduct), Where: where, Range: r})
		}
	}
	return all
}

func isUnindexed(q Query) bool { return q.Where["friendly_name"] != "" || q.Where["policy_sid"] != "" }

// planned calls check with the plan of each statement of each of the queries.
func planned(t *testing.T, explain func(statement) (string, error), check func(q Query, plan, index string)) {
	t.Helper()
	for _, q := range queries() {
		index := "bundles_of_account"
		if q.Where["status"] != "" {
			index = "bundles_by_status"
		}
		l := listing{bundles.layout, q}
		statements := []statement{l.unfiltered()}
		if isUnindexed(q) {
			unindexed, err := l.unindexed()
			must(t, err)
			statements = []statement{l.stepEnd(), l.filtered(unindexed)}
		}
		for _, one := range statements {
			plan, err := explain(one)
			if err != nil {
				t.Fatalf("%s: %v", one.text, err)
			}
			check(q, plan, index)
		}
	}
}

func TestListsFollowTheirIndexOnSQLite(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	planned(t, func(one statement) (string, error) {
		lines, err := queryAll(s.read(t.Context()), func(row scanner) (line string, err error) {
			var number int
			return line, row.Scan(&number, &number, &number, &line)
		}, `EXPLAIN QUERY PLAN `+one.text, one.args...)
		return strings.Join(lines, "\n"), err
	}, func(q Query, plan, index string) {
		if !strings.Contains(plan, "INDEX "+index+" (") || strings.Contains(plan, "B-TREE") {
			t.Errorf("%+v does not follow %s:\n%s", q, index, plan)
		}
	})
}

// Another account's bundles make no account's list slow: whatever Postgres believes of the parameters, it reads along the index
// of the account. (With account_sid = $1 AND sid < $2, it reads all newer bundles of others, once it plans for any account.)
func TestListsFollowTheirIndexOnPostgres(t *testing.T) {
	s, err := Open(t.Context(), pgtest.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's database
	conn, err := s.reader.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // as above
	run(t, conn, `INSERT INTO bundles (`+bundles.list+`) SELECT 'BU' || i, 'trust-product',
		CASE WHEN i < 100 THEN 'AC2' ELSE 'AC1' END, 'RN', 'Acme', 'a@b', '', 'draft', 0, '', 0, 0, 0, 0 FROM generate_series(1, 50000) AS i`)
	run(t, conn, `ANALYZE bundles`)
	for _, mode := range []string{"force_generic_plan", "force_custom_plan"} {
		run(t, conn, `SET plan_cache_mode = `+mode)
		planned(t, func(one statement) (string, error) {
			literals := make([]string, len(one.args))
			for i, arg := range one.args {
				if literals[i] = fmt.Sprintf("'%v'", arg); arg == 51 {
					literals[i] = strconv.Itoa(51)
				}
			}
			run(t, conn, `PREPARE list AS `+one.text)
			defer run(t, conn, `DEALLOCATE list`)
			lines, err := queryAll(session{t.Context(), conn}, scanString, `EXPLAIN EXECUTE list (`+strings.Join(literals, ", ")+`)`)
			return strings.Join(lines, "\n"), err
		}, func(q Query, plan, index string) {
			if !strings.Contains(plan, "using "+index+" ") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s: %+v does not follow %s:\n%s", mode, q, index, plan)
			}
		})
	}
}

func run(t *testing.T, conn *sql.Conn, text string) {
	t.Helper()
	if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// A filter that reads many rows waits for its turn. What an index serves does not wait for it.
func TestFiltersTakeTurns(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "trusthub.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()             //nolint:errcheck // nothing was written
	for s.scans.TryAcquire(1) { // all turns
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, q := range queries() {
		waits := isUnindexed(q)
		within := t.Context()
		if waits {
			within = ctx
		}
		if _, err := s.Bundles.List(within, q); errors.Is(err, ErrUnavailable) != waits || (err != nil) != waits {
			t.Errorf("%+v: error %v, want one %v", q, err, waits)
		}
	}
}
