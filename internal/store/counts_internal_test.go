package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
)

// TestCountsReadAnIndex asks each engine how it counts what an account has, among much that it has not: it reads the account's
// part of an index and no row.
func TestCountsReadAnIndex(t *testing.T) {
	for engine, test := range map[string]struct {
		name, explain       string
		bundles, openNotice string
	}{
		"sqlite": {
			filepath.Join(t.TempDir(), "trusthub.db"), "EXPLAIN QUERY PLAN ",
			"SEARCH bundles USING COVERING INDEX bundles_", "SEARCH notices USING COVERING INDEX notices_open (account_sid=?)",
		},
		"postgres": {
			pgtest.New(t), "EXPLAIN ",
			"Index Only Scan using bundles_", "Scan using notices_open on notices",
		},
	} {
		t.Run(engine, func(t *testing.T) {
			s := withManyNotices(t, test.name)
			for _, statement := range []string{
				`INSERT INTO bundles (` + bundles.list + `)
					WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
					SELECT 'BU' || n, 'trust-product', CASE WHEN n < 7 THEN 'AC1' ELSE 'AC2' END, 'RN', 'Acme', '', '', 'draft', 0, '', 0, 0, 0, 0 FROM numbers`,
				`UPDATE notices SET account_sid = 'AC1', ended_at = CASE WHEN id < 'ND100006' THEN 0 ELSE ended_at END WHERE id < 'ND100009'`,
				`ANALYZE`,
			} {
				if _, err := s.exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			count, err := s.Bundles.Count(t.Context(), BundlesOf("AC1", trust.TrustProduct), 100)
			open, openErr := s.CountOpenNotices(t.Context(), "AC1", 100)
			if count != 6 || open != 5 || err != nil || openErr != nil {
				t.Errorf("counted %d bundles and %d notices: %v, %v", count, open, err, openErr)
			}
			if count, err = s.Bundles.Count(t.Context(), BundlesOf("AC2", trust.TrustProduct), 100); count != 100 || err != nil {
				t.Errorf("counted %d bundles up to 100: %v", count, err)
			}
			if count, err = s.CountBundles(t.Context(), "AC1", trust.TrustProduct, 100); count != 5 || err != nil {
				t.Errorf("counted %d bundles without BU1: %v", count, err)
			}
			for query, want := range map[string]string{
				bundles.rowsOf(BundlesOf("AC1", trust.TrustProduct)).text: test.bundles, bundlesCreated: test.bundles, openNoticesOf: test.openNotice,
			} {
				plan, err := queryAll(s.read(t.Context()), func(row scanner) (string, error) {
					if engine == "postgres" {
						return scanString(row)
					}
					var a, b, c, step any
					err := row.Scan(&a, &b, &c, &step)
					return step.(string), err //nolint:forcetypeassert // it is text
				}, test.explain+strings.NewReplacer("$1", "'AC1'", "$2", "'trust-product'", "$3", "'BU1'").Replace(query))
				if all := strings.Join(plan, "\n"); err != nil || !strings.Contains(all, want) {
					t.Errorf("it plans %s; want %s: %v", all, want, err)
				}
			}
		})
	}
}
