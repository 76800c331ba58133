package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestCopy copies from each engine to each: all rows of all tables arrive as they were, and only into an empty database.
func TestCopy(t *testing.T) {
	for from, source := range storetest.Names() {
		for to, database := range storetest.Names() {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := withDraft(t, func(t *testing.T) *store.Store { t.Helper(); return openToCopy(t, source(t)) })
				fill(t, s)
				copied := openToCopy(t, database(t))
				var last, total int64
				counts, err := s.CopyTo(t.Context(), copied, func(done, all int64) { last, total = done, all })
				check(t, err)
				wantCopy(t, s, copied, counts, last, total)

				// The second notice waits for the first, which has ended.
				if again, _ := exchange(t, copied, time.Hour, 1); len(again) != 1 || again[0].Notice.Target != "http://a.example/2" {
					t.Errorf("leased from the copy: %+v", again)
				}
				if _, err := s.CopyTo(t.Context(), copied, func(int64, int64) {}); !errors.Is(err, store.ErrNotEmpty) {
					t.Errorf("a second copy: %v", err)
				}
			})
		}
	}
}

// openToCopy opens a database as `trusthub copy` does: without a limit for a transaction that waits for the other database.
func openToCopy(t *testing.T, name string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), name, store.Options{StatementTimeout: -1})
	check(t, err)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// fill puts something into every table, and into one more rows than one statement carries.
func fill(t *testing.T, s *store.Store) {
	t.Helper()
	notify(t, s, "http://a.example/1", "http://a.example/2")
	createMany(t, s, 1001)
	leases, _ := exchange(t, s, 0, 1)
	exchange(t, s, 0, 0, delivered(leases[0]))
	p := draft()
	p.SID = "BU00000000000000000000000000000002"
	_, err := s.Bundles.CreateOnce(t.Context(), request("fingerprint", at), p)
	check(t, err)
	fillContents(t, s, p.SID)
	check(t, s.AddAPIKey(t.Context(), store.APIKey{SID: trust.NewSID(trust.APIKeyPrefix, time.Now()), AccountSID: accountSID, Created: at}, "secret"))
	_, err = s.PageKey(t.Context())
	check(t, err)
	check(t, s.AddLoginCode(t.Context(), rand.Text(), at, at.Add(time.Minute)))
	if placed, err := s.EventsAfter(t.Context(), 0, 1); err != nil || len(placed) != 1 { // and others without a position
		t.Fatalf("%+v, %v", placed, err)
	}
}

// fillContents puts something into the tables of what belongs to a bundle.
func fillContents(t *testing.T, s *store.Store, sid string) {
	t.Helper()
	user := trust.EndUser{
		SID: "IT00000000000000000000000000000001", AccountSID: accountSID, FriendlyName: "Ada", Type: "authorized_representative_1",
		Attributes: []byte(`{"first_name":"Ada"}`), Created: at, Updated: at,
	}
	check(t, s.EndUsers.Create(t.Context(), user))
	check(t, s.Documents.Create(t.Context(), trust.SupportingDocument{
		SID: "RD00000000000000000000000000000001", AccountSID: accountSID, FriendlyName: "Address", Type: "address", Created: at, Updated: at,
	}))
	of := store.BundlesOf(accountSID, trust.TrustProduct)
	_, err := s.Assign(t.Context(), of, nil, trust.Assignment{
		SID: "BV00000000000000000000000000000001", AccountSID: accountSID, BundleSID: sid, ObjectSID: user.SID, Created: at,
	}, holder, func(trust.Bundle, store.Object) (string, error) { return user.Type, nil })
	check(t, err)
	_, err = s.AssignEndpoint(t.Context(), of, nil, trust.ChannelEndpoint{
		SID: "RA00000000000000000000000000000001", AccountSID: accountSID, BundleSID: sid, Type: "phone-number",
		EndpointSID: "PN00000000000000000000000000000001", Created: at,
	}, holder, anyEndpoint)
	check(t, err)
	_, err = s.Evaluate(t.Context(), of, nil, trust.Evaluation{
		SID: "EL00000000000000000000000000000001", AccountSID: accountSID, BundleSID: sid, PolicySID: "RN1", Status: trust.Compliant,
		Results: []trust.Result{}, Created: at,
	}, holder, func(*trust.Evaluation, trust.Assigned) {})
	check(t, err)
}

// wantCopy compares two databases, table by table. The tables are those that the schema has, whatever the code thinks.
func wantCopy(t *testing.T, source, target *store.Store, counts map[string]int64, last, total int64) {
	t.Helper()
	want, err := source.Dump(t.Context())
	check(t, err)
	got, err := target.Dump(t.Context())
	check(t, err)
	var rows int64
	for table := range want {
		if len(want[table]) == 0 {
			t.Errorf("%s is empty, which shows nothing: fill it", table)
		}
		if counts[table] != int64(len(want[table])) {
			t.Errorf("%s: the copy is said to have %d rows of %d", table, counts[table], len(want[table]))
		}
		if !slices.Equal(got[table], want[table]) {
			t.Errorf("%s: %d rows of %d were copied, or they differ", table, len(got[table]), len(want[table]))
		}
		rows += int64(len(want[table]))
	}
	if len(got) != len(want) {
		t.Errorf("the copy has %d tables, the source %d", len(got), len(want))
	}
	if last != rows || total != rows {
		t.Errorf("progress was %d of %d at last, want %d", last, total, rows)
	}
}

func createMany(t *testing.T, s *store.Store, n int) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error {
			p := draft()
			p.SID = fmt.Sprintf("BU%032d", i+1000)
			return s.Bundles.Create(t.Context(), p)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
