package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// TestMigrationFromSchema7 opens a database that the last program before schema 8 made: nothing is lost, and what was to be done
// is still to be done. (Schema 7 was the last that a server of another version could not work on.)
func TestMigrationFromSchema7(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		dump := "testdata/schema7.sqlite.sql"
		if IsPostgres(name) {
			dump = "testdata/schema7.postgres.sql"
		}
		text, err := os.ReadFile(dump)
		must(t, err)
		execute(string(text))(t, name)
		before := content7(t, name)

		if _, err := Open(t.Context(), name, Options{Access: Existing}); !errors.Is(err, ErrOlder) {
			t.Errorf("before the migration: %v, want ErrOlder", err)
		}
		s, err := Open(t.Context(), name, Options{})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		if from, to := s.Migrated(); from != 7 || to != latest() {
			t.Errorf("migrated from %d to %d", from, to)
		}
		wantMigrated(t, s, before)
		wantAtWork(t, s)
	})
}

// row is a row by its columns.
type row = map[string]any

// content7 returns the rows of each table of a database of schema 7, as they are to be in this program's.
func content7(t *testing.T, name string) map[string][]row {
	t.Helper()
	all := map[string][]row{}
	useDirectly(t, name, func(db *sql.DB) {
		for _, table := range []string{"accounts", "products", "notices", "attempts", "idempotency_keys"} {
			all[table] = readRows(t, session{t.Context(), db}, table)
			if len(all[table]) == 0 {
				t.Fatalf("%s is empty, which shows nothing", table)
			}
		}
	})
	rename := func(row row, from, to string) {
		row[to] = row[from]
		delete(row, from)
	}
	all["bundles"] = all["products"]
	delete(all, "products")
	for _, bundle := range all["bundles"] {
		bundle["kind"], bundle["noncompliance"] = "trust-product", int64(0)
	}
	for _, account := range all["accounts"] {
		account["secondary_token"] = ""
		all["bundles"] = append(all["bundles"], primaryOf(account))
	}
	for _, notice := range all["notices"] {
		notice["bundle_kind"], notice["traceparent"] = "trust-product", ""
		rename(notice, "product_sid", "bundle_sid")
	}
	for _, key := range all["idempotency_keys"] {
		var answer map[string]any
		must(t, json.Unmarshal([]byte(key["product"].(string)), &answer)) //nolint:forcetypeassert // it is text
		answer["Kind"] = "trust-product"
		key["product"] = answer
		rename(key, "product", "answer")
		key["operation"] = "CreateTrustProduct"
	}
	return all
}

// primaryOf returns the Primary Customer Profile that an account gets.
func primaryOf(account row) row {
	sid := account["sid"].(string) //nolint:forcetypeassert // it is text
	return row{
		"sid": trust.PrimarySID(sid), "kind": "customer-profile", "account_sid": sid, "policy_sid": trust.PrimaryPolicySID,
		"friendly_name": "Primary Customer Profile", "email": "", "status_callback": "", "status": "twilio-approved",
		"valid_until": int64(0), "errors": "", "noncompliance": int64(0), "due_at": int64(0),
		"created_at": account["created_at"], "updated_at": account["created_at"],
	}
}

func wantMigrated(t *testing.T, s *Store, want map[string][]row) {
	t.Helper()
	if missing := slices.DeleteFunc(slices.Collect(maps.Keys(want)), func(name string) bool {
		return slices.ContainsFunc(tables(), func(l layout) bool { return l.name == name })
	}); len(missing) > 0 {
		t.Errorf("the store does not know %v", missing)
	}
	for table, want := range want {
		got := readRows(t, s.read(t.Context()), table)
		for _, key := range got {
			if text, ok := key["answer"].(string); ok && table == "idempotency_keys" {
				var answer map[string]any
				must(t, json.Unmarshal([]byte(text), &answer))
				key["answer"] = answer
			}
		}
		byText := func(a, b row) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) } // fmt sorts the columns
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", table, got, want)
		}
	}
}

func readRows(t *testing.T, q session, table string) []row {
	t.Helper()
	rows, err := q.run.QueryContext(q.ctx, `SELECT * FROM `+table)
	must(t, err)
	defer rows.Close() //nolint:errcheck // rows.Err below tells of a failed read
	columns, err := rows.Columns()
	must(t, err)
	var all []row
	for rows.Next() {
		values, fields := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			fields[i] = &values[i]
		}
		must(t, rows.Scan(fields...))
		one := row{}
		for i, column := range columns {
			one[column] = values[i]
		}
		all = append(all, one)
	}
	must(t, rows.Err())
	return all
}

// wantAtWork uses what testdata/schema7.*.sql holds.
func wantAtWork(t *testing.T, s *Store) {
	t.Helper()
	const first, second = "AC00000000000000000000000000000001", "AC00000000000000000000000000000002"
	ctx := t.Context()

	statuses := map[trust.Status]int{}
	for account, kinds := range map[string]map[trust.Kind]int{
		first:  {trust.TrustProduct: 7, trust.CustomerProfile: 1},
		second: {trust.TrustProduct: 3, trust.CustomerProfile: 1},
	} {
		for kind, want := range kinds {
			part, err := s.Bundles.List(ctx, Query{
				Of: BundlesOf(account, kind), Range: Range{Limit: 100, Bytes: 1 << 20, Step: 100},
			})
			must(t, err)
			count, err := s.Bundles.Count(ctx, BundlesOf(account, kind), 100)
			if len(part.Rows) != want || count != want || err != nil {
				t.Errorf("%s has %d bundles of kind %s, and counted %d, want %d: %v", account, len(part.Rows), kind, count, want, err)
			}
			for _, b := range part.Rows {
				statuses[b.Status]++
				if one, err := s.Bundles.Fetch(ctx, BundlesOf(account, kind), b.SID); err != nil || !reflect.DeepEqual(one, b) {
					t.Errorf("%s: %+v, want %+v: %v", b.SID, one, b, err)
				}
			}
		}
	}
	if len(statuses) != len(trust.Statuses()) {
		t.Errorf("the statuses are %v, want all", statuses)
	}

	// A create that is repeated gets what it got before.
	key := readKey(t, s, "with-a-key", second)
	again, err := s.Bundles.EarlierAnswer(ctx, Request{
		AccountSID: second, Key: "with-a-key", Operation: "CreateTrustProduct", Fingerprint: key.fingerprint, At: key.created,
	})
	if err != nil || again.Kind != trust.TrustProduct || again.FriendlyName != "Pending" || again.Status != trust.Draft {
		t.Errorf("a repeated create returns %+v, %v", again, err)
	}

	// What was due is leased, and so is what a server had leased that was killed, when that lease has ended.
	_, err = s.exec(ctx, `UPDATE notices SET leased_until = 1 WHERE leased_until > 0`)
	must(t, err)
	must(t, s.EndLeases(ctx))
	now := key.created.Add(time.Hour)
	due, all, err := s.DueQueues(ctx, now, 100)
	must(t, err)
	leases, _, err := s.RecordAndLease(ctx, nil, due, now, time.Minute)
	if err != nil || !all || len(due) != 2 || len(leases) != 4 {
		t.Errorf("of %+v it leased %d notices: %v", due, len(leases), err)
	}
	for _, lease := range leases {
		if lease.Notice.BundleKind != trust.TrustProduct || lease.Notice.BundleSID == "" || lease.AuthToken == "" {
			t.Errorf("leased %+v", lease)
		}
	}
}

type storedKey struct {
	fingerprint string
	created     time.Time
}

func readKey(t *testing.T, s *Store, key, account string) storedKey {
	t.Helper()
	var fingerprint string
	var created int64
	must(t, s.read(t.Context()).row(`SELECT fingerprint, created_at FROM idempotency_keys
		WHERE idempotency_key = $1 AND account_sid = $2`, key, account).Scan(&fingerprint, &created))
	return storedKey{fingerprint, fromMicros(created)}
}
