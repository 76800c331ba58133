package crash_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	writerCount = 4   // goroutines that write at the same time
	maxWrites   = 150 // that are acknowledged before the kill
)

// TestCrash repeatedly kills servers of one database with SIGKILL during writes. Each time it verifies that every
// acknowledged write is there, and that every other is there completely or not at all; and that the history of each product has
// its updates, each once. TRUSTHUB_CRASH_ROUNDS sets the number of kills.
func TestCrash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		rounds, _ := campaignRounds(t, 4)
		killWriters(t, db, rounds)
	})
}

// killWriters kills the server during writes, and verifies the database after each kill.
func killWriters(t *testing.T, db string, rounds int) {
	t.Helper()
	var writers []*writer
	for i := range writerCount {
		writers = append(writers, &writer{name: "w" + strconv.Itoa(i), acked: make(map[string]productRow), updates: make(map[string]int)})
	}
	var tally writeTally
	for round := range rounds + 1 {
		server := startInstance(t, db)
		tally.verify(t, db, writers)
		if t.Failed() {
			t.Fatalf("after %d kills", round)
		}
		if round%20 == 0 || round == rounds {
			t.Logf("after %d kills: %+v", round, tally)
		}
		if round < rounds {
			tally.Acknowledged += server.writeUntilKilled(t, writers)
		}
	}
}

// writeTally counts writes to show that the kills happened during writes.
type writeTally struct {
	Products     int
	Acknowledged int
	Kept, Absent int // of the writes without a response
	Events       int // in the histories
}

// productRow has the fields of a product that must survive. Times are in whole seconds, as in the API.
type productRow struct {
	sid, account, policy, name, email, callback, status string
	created, updated                                    int64
}

// writer creates and updates its own products, one write at a time. Every write has a number, which is in every field that it
// sets, so that a partial write is noticed.
type writer struct {
	name    string
	number  int
	sids    []string              // of acked
	acked   map[string]productRow // the products as last acknowledged, by SID
	updates map[string]int        // that were kept, by SID
	open    *productWrite         // the write that got no response
}

// productWrite is a request. Without a sid it is a create.
type productWrite struct {
	sid, name, email, callback string
}

// next returns the writer's next request: every third creates a product, the others update one.
func (w *writer) next() *productWrite {
	w.number++
	tag := fmt.Sprintf("%sn%d", w.name, w.number)
	write := &productWrite{name: tag, email: tag + "@acme.example", callback: "https://acme.example/" + tag}
	if len(w.sids) > 0 && w.number%3 != 0 {
		write.sid = w.sids[rand.IntN(len(w.sids))]
	}
	return write
}

// write sends requests until one gets no response, and calls acknowledged after each response. Only a killed server may not
// respond.
func (w *writer) write(t *testing.T, api *client.Client, acknowledged func()) {
	t.Helper()
	for {
		w.open = w.next()
		product, err := w.open.send(t.Context(), api)
		if refused, ok := errors.AsType[*client.Error](err); ok {
			t.Errorf("%s: %v", w.open.name, refused)
		}
		if err != nil {
			return
		}
		row := productRow{
			sid: product.SID, account: product.AccountSID, policy: product.PolicySID, name: product.FriendlyName,
			email: product.Email, status: string(product.Status),
			created: product.DateCreated.Unix(), updated: product.DateUpdated.Unix(),
		}
		if product.StatusCallback != nil {
			row.callback = *product.StatusCallback
		}
		if before, ok := w.acked[row.sid]; !w.open.made(row, before) || ok != (w.open.sid != "") {
			t.Errorf("the response to %+v is %+v", *w.open, row)
			return
		}
		w.keep(row)
		w.open = nil
		acknowledged()
	}
}

func (w *writer) keep(row productRow) {
	if _, ok := w.acked[row.sid]; !ok {
		w.sids = append(w.sids, row.sid)
	} else {
		w.updates[row.sid]++
	}
	w.acked[row.sid] = row
}

func (c *productWrite) send(ctx context.Context, api *client.Client) (*client.TrustProduct, error) {
	if c.sid == "" {
		return api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
			FriendlyName: c.name, Email: c.email, PolicySID: policySID, StatusCallback: &c.callback,
		})
	}
	return api.UpdateTrustProduct(ctx, c.sid, client.UpdateTrustProductRequest{
		FriendlyName: &c.name, Email: &c.email, StatusCallback: &c.callback,
	})
}

// made reports whether the write changes the row before, which for a create is zero, into row. The time of the write is known
// only to the server.
func (c *productWrite) made(row, before productRow) bool {
	want := productRow{
		sid: c.sid, account: programtest.AccountSID, policy: policySID, name: c.name, email: c.email, callback: c.callback,
		status: string(client.BundleStatusDraft), created: before.created, updated: row.updated,
	}
	if c.sid == "" {
		want.sid, want.created = row.sid, row.updated
	}
	return row == want && row.updated >= before.updated
}

// verify compares the database with the writers' responses, and determines whether writes without a response were kept.
func (c *writeTally) verify(t *testing.T, path string, writers []*writer) {
	t.Helper()
	rows := readRows(t, path)
	c.Products = len(rows)
	for _, w := range writers {
		for _, want := range maps.Clone(w.acked) {
			got, ok := rows[want.sid]
			delete(rows, want.sid)
			switch {
			case ok && got == want:
			case ok && w.open != nil && w.open.sid == want.sid && w.open.made(got, want):
				c.settle(w, got)
			default:
				t.Errorf("%s was acknowledged as\n%+v, in the database (%t) is\n%+v, without a response was %+v",
					want.sid, want, ok, got, w.open)
			}
		}
	}
	for _, row := range rows { // each of the rest must be a create without a response
		found := false
		for _, w := range writers {
			if w.open != nil && w.open.sid == "" && w.open.made(row, productRow{}) {
				found = true
				c.settle(w, row)
			}
		}
		if !found {
			t.Errorf("no writer wrote %+v", row)
		}
	}
	for _, w := range writers {
		if w.open != nil {
			c.Absent++
			w.open = nil
		}
	}
	histories := readHistories(t, path)
	c.Events = 0
	for _, w := range writers {
		for _, sid := range w.sids {
			c.Events += len(histories[sid])
			wantUpdates(t, sid, histories[sid], w.updates[sid])
		}
	}
}

// wantUpdates expects a history to have a number of updates, each of all fields and with a request of its own.
func wantUpdates(t *testing.T, sid string, history []eventRow, want int) {
	t.Helper()
	requests := map[string]bool{}
	for i, e := range history {
		requests[e.request] = true
		if e.number != i+2 || e.fields != "friendly_name,email,status_callback" || e.to != "" {
			t.Errorf("%s has the event %+v at %d", sid, e, i)
		}
	}
	if len(history) != want || len(requests) != want {
		t.Errorf("%s was updated %d times, its history has %d events of %d requests", sid, want, len(history), len(requests))
	}
}

// eventRow is what the tests read of an event.
type eventRow struct {
	number              int
	request, to, fields string
}

// readHistories reads the events of all bundles, by SID. It uses the table as readRows does.
func readHistories(t *testing.T, name string) map[string][]eventRow {
	t.Helper()
	histories := make(map[string][]eventRow)
	storetest.UseSQL(t, name, func(db *sql.DB) {
		result, err := db.QueryContext(t.Context(),
			`SELECT bundle_sid, number, request_id, to_status, fields FROM events ORDER BY bundle_sid, number`)
		if err != nil {
			t.Fatal(err)
		}
		defer result.Close() //nolint:errcheck // Err below reports a failed read
		for result.Next() {
			var sid string
			var e eventRow
			if err := result.Scan(&sid, &e.number, &e.request, &e.to, &e.fields); err != nil {
				t.Fatal(err)
			}
			histories[sid] = append(histories[sid], e)
		}
		if err := result.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return histories
}

// settle records that the write without a response was kept.
func (c *writeTally) settle(w *writer, row productRow) {
	c.Kept++
	w.keep(row)
	w.open = nil
}

// readRows reads all bundles but the account's Primary Customer Profile. It reads the table itself, because the SID of a create without a response is unknown.
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
		result, err := db.QueryContext(t.Context(), `SELECT sid, account_sid, policy_sid, friendly_name, email,
			status_callback, status, created_at / 1000000, updated_at / 1000000 FROM bundles WHERE policy_sid <> $1`, primaryPolicySID)
		if err != nil {
			t.Fatal(err)
		}
		defer result.Close() //nolint:errcheck // Err below reports a failed read
		for result.Next() {
			var r productRow
			if err := result.Scan(&r.sid, &r.account, &r.policy, &r.name, &r.email, &r.callback, &r.status,
				&r.created, &r.updated); err != nil {
				t.Fatal(err)
			}
			rows[r.sid] = r
		}
		if err := result.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return rows
}

// writeUntilKilled kills the server after a random number of acknowledged writes, while other writers are writing. It returns
// the number of acknowledged writes.
func (s *instance) writeUntilKilled(t *testing.T, writers []*writer) int {
	t.Helper()
	api := s.api(t)
	threshold := int64(1 + rand.IntN(maxWrites))
	var acknowledged atomic.Int64
	var running sync.WaitGroup
	for _, w := range writers {
		running.Go(func() {
			w.write(t, api, func() {
				if acknowledged.Add(1) == threshold {
					if err := s.signalKill(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
	running.Wait()
	if n := acknowledged.Load(); n < threshold {
		t.Errorf("the server failed before the kill after %d writes, after %d", threshold, n)
	}
	s.end(t)
	if t.Failed() {
		t.Logf("the server's log:\n%s", s.Stderr())
	}
	return int(acknowledged.Load())
}
