package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// request returns a create with the same key each time.
func request(body string, at time.Time) store.Request {
	return store.Request{AccountSID: accountSID, Key: "key", Operation: "CreateTrustProduct", Fingerprint: body, At: at}
}

// TestManyCreatesWithOneKey sends 1,000 at once to two stores on one database, as two servers would.
func TestManyCreatesWithOneKey(t *testing.T) {
	const count = 1000
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			stores := []*store.Store{open(t), open(t)}
			sids := make([]string, count)
			var group errgroup.Group
			for i := range count {
				group.Go(func() error {
					p := draft()
					p.SID = fmt.Sprintf("BU%032x", i)
					made, err := stores[i%2].Bundles.CreateOnce(t.Context(), request("body", at), p)
					sids[i] = made.SID
					return err
				})
			}
			check(t, group.Wait())
			for _, sid := range sids {
				if sid != sids[0] {
					t.Fatalf("two answers: %s and %s", sid, sids[0])
				}
			}
			for i := range count {
				_, err := stores[0].Bundles.Fetch(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), fmt.Sprintf("BU%032x", i))
				if made := err == nil; made != (sids[0] == fmt.Sprintf("BU%032x", i)) {
					t.Errorf("bundle %d: %v", i, err)
				}
			}
		})
	}
}

// TestManyCreatesWithFewKeys sends creates with the same keys in random orders to two stores, so that the transactions of both have
// several keys in common.
func TestManyCreatesWithFewKeys(t *testing.T) {
	const count, keys = 2000, 50
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			stores := []*store.Store{storetest.Open(t, name), storetest.Open(t, name)}
			var answers [keys]sync.Map
			var group errgroup.Group
			for i := range count {
				group.Go(func() error {
					p, r, key := draft(), request("body", at), rand.IntN(keys)
					p.SID, r.Key = fmt.Sprintf("BU%032x", i), fmt.Sprint(key)
					made, err := stores[i%2].Bundles.CreateOnce(t.Context(), r, p)
					answers[key].Store(made.SID, true)
					return err
				})
			}
			check(t, group.Wait())
			for key := range keys {
				var sids []any
				answers[key].Range(func(sid, _ any) bool { sids = append(sids, sid); return true })
				if len(sids) != 1 {
					t.Errorf("the key %d got the answers %v", key, sids)
				}
			}
			stored, err := stores[0].Bundles.Count(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), count)
			if stored != keys || err != nil {
				t.Errorf("%d bundles are stored, want %d, %v", stored, keys, err)
			}
			if store.IsPostgres(name) {
				check(t, errors.Join(stores[0].Close(), stores[1].Close()))
				storetest.UseSQL(t, name, func(db *sql.DB) { storetest.WantNoDeadlocks(t, db) })
			}
		})
	}
}

func TestLifeOfAKey(t *testing.T) {
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			create := func(after time.Duration, r store.Request) (trust.Bundle, error) {
				p := draft()
				p.Created = at.Add(after)
				p.SID = trust.NewSID(trust.BundlePrefix, p.Created)
				r.At = p.Created
				return s.Bundles.CreateOnce(t.Context(), r, p)
			}
			body, another := request("body", at), request("another body", at)
			operation, account := body, body
			operation.Operation, account.AccountSID = "CreateSomethingElse", otherSID
			first, err := create(0, body)
			check(t, err)
			if again, err := create(store.KeyLife-1, body); err != nil || again.SID != first.SID || !again.Created.Equal(at) {
				t.Errorf("a repeat made %+v, %v", again, err)
			}
			for _, reused := range []store.Request{another, operation} {
				if _, err := create(time.Hour, reused); !errors.Is(err, store.ErrKeyReused) {
					t.Errorf("%+v: %v", reused, err)
				}
				if _, err := s.Bundles.EarlierAnswer(t.Context(), reused); !errors.Is(err, store.ErrKeyReused) {
					t.Errorf("%+v before: %v", reused, err)
				}
			}
			if other, err := create(store.KeyLife, account); err != nil || other.SID == first.SID {
				t.Errorf("the key of another account made %+v, %v", other, err)
			}
			if again, err := create(store.KeyLife, another); err != nil || again.SID == first.SID {
				t.Errorf("after its life the key made %+v, %v", again, err)
			}
			if n, err := s.RemoveKeys(t.Context(), at.Add(store.KeyLife), 10); n != 0 || err != nil {
				t.Errorf("removed %d young keys, %v", n, err)
			}
			if n, err := s.RemoveKeys(t.Context(), at.Add(store.KeyLife+1000), 10); n != 2 || err != nil {
				t.Errorf("removed %d old keys, %v", n, err)
			}
		})
	}
}
