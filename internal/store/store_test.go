package store_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// opener opens the database of one test, which has no rows at first, and has the test run beside others from then on. Opened
// again, it is the same database.
type opener func(t *testing.T) *store.Store

// engines returns an opener for each engine that the store knows, by its name. Every test of what a store does runs on all.
func engines(t *testing.T) map[string]opener {
	t.Helper()
	all := map[string]opener{}
	for name, database := range storetest.Names() {
		var opened string
		all[name] = func(t *testing.T) *store.Store {
			t.Helper()
			if opened == "" {
				t.Parallel()
				opened = database(t)
			}
			return storetest.Open(t, opened)
		}
	}
	return all
}

// openFile opens a SQLite file until the test ends, or until the test itself closes it.
func openFile(t *testing.T, path string) *store.Store {
	t.Helper()
	return storetest.Open(t, path)
}

func closeStore(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

const (
	accountSID = "ACa0000000000000000000000000000001"
	otherSID   = "ACa0000000000000000000000000000002"
	bundleSID  = "BU00000000000000000000000000000001"
)

// at has microseconds, the finest that the store keeps.
var at = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)

// holder is the origin of the changes that tests make in the name of the account holder.
var holder = trust.Origin{By: trust.AccountHolder, RequestID: "RQ1", At: at}

// draft is a bundle of accountSID as it is created.
func draft() trust.Bundle {
	return trust.NewBundle(trust.TrustProduct, bundleSID, accountSID, "RN00000000000000000000000000000001",
		"Acme, Inc.", "compliance@acme.example", "https://acme.example/status", at)
}

// bundles are what a bundle may look like, all with the same SIDs and time of creation.
func bundles() map[string]trust.Bundle {
	variants := map[string]func(*trust.Bundle){
		"draft":       func(*trust.Bundle) {},
		"no callback": func(p *trust.Bundle) { p.StatusCallback = "" },
		"to reject":   func(p *trust.Bundle) { p.Status, p.Noncompliance = trust.PendingReview, trust.CodeEndUserMissing },
		"rejected":    func(p *trust.Bundle) { p.Status, p.Errors = trust.TwilioRejected, []int{18601, 18606} },
		"one code":    func(p *trust.Bundle) { p.Status, p.Errors = trust.TwilioRejected, []int{18601} },
		"approved": func(p *trust.Bundle) {
			p.Status, p.ValidUntil, p.Updated = trust.TwilioApproved, at.AddDate(1, 0, 0), at.Add(time.Microsecond)
			p.Due = at.AddDate(1, 0, 1)
		},
		"odd text": func(p *trust.Bundle) {
			p.FriendlyName, p.Email = "'; DROP TABLE bundles; -- %s $1 ? 日本 \U0001F600\r\n", strings.Repeat("é", 10_000)
		},
	}
	all := make(map[string]trust.Bundle)
	for name, vary := range variants {
		p := draft()
		vary(&p)
		all[name] = p
	}
	return all
}

// A field that is added to the bundle must be kept too: this fails until a variant has it.
func TestBundlesHaveEveryField(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[trust.Bundle]()) {
		set := false
		for _, p := range bundles() {
			set = set || !reflect.ValueOf(p).FieldByIndex(field.Index).IsZero()
		}
		if !set {
			t.Errorf("no bundle here has %s", field.Name)
		}
	}
}

func TestCreateBundle(t *testing.T) {
	for name, p := range bundles() {
		t.Run(name, func(t *testing.T) {
			for engine, open := range engines(t) {
				t.Run(engine, func(t *testing.T) {
					s := open(t)
					check(t, s.Bundles.Create(t.Context(), p))
					wantBundle(t, s, p)

					again := p
					again.FriendlyName = "another of the same SID"
					if err := s.Bundles.Create(t.Context(), again); err == nil || errors.Is(err, store.ErrUnavailable) {
						t.Errorf("a SID that is taken: error %v, want one that another try does not get past", err)
					}
					wantBundle(t, s, p)
				})
			}
		})
	}
}

func TestUpdateBundle(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			now := draft()
			check(t, s.Bundles.Create(t.Context(), now))
			bystander := draft()
			bystander.SID = "BU00000000000000000000000000000002"
			check(t, s.Bundles.Create(t.Context(), bystander))
			for from := range bundles() {
				for to, next := range bundles() {
					var seen trust.Bundle
					got, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(p trust.Bundle) (trust.Outcome, error) {
						seen = p
						return trust.Outcome{Bundle: next, Changed: true}, nil
					})
					if err != nil || !reflect.DeepEqual(seen, now) || !reflect.DeepEqual(got, next) {
						t.Fatalf("%s to %s: error %v\nchange saw %+v\nwant       %+v\nanswer     %+v\nwant       %+v",
							from, to, err, seen, now, got, next)
					}
					now = next
					wantBundle(t, s, now)
				}
			}
			wantBundle(t, s, bystander)
		})
	}
}

func wantBundle(t *testing.T, s *store.Store, want trust.Bundle) {
	t.Helper()
	if got, err := s.Bundles.Fetch(t.Context(), store.BundlesOf(want.AccountSID, trust.TrustProduct), want.SID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, error %v\nwant %+v", got, err, want)
	}
}

func TestBundleNotFound(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			check(t, s.Bundles.Create(t.Context(), draft()))
			for name, of := range map[string]struct {
				account string
				kind    trust.Kind
				sid     string
			}{
				"no such SID":          {accountSID, trust.TrustProduct, "BU00000000000000000000000000000009"},
				"another account's":    {otherSID, trust.TrustProduct, bundleSID},
				"no account":           {"", trust.TrustProduct, bundleSID},
				"another kind":         {accountSID, trust.CustomerProfile, bundleSID},
				"no kind":              {accountSID, "", bundleSID},
				"upper and lower":      {accountSID, trust.TrustProduct, strings.ToLower(bundleSID)},
				"a pattern, not a SID": {accountSID, trust.TrustProduct, "BU%"},
			} {
				if _, err := s.Bundles.Fetch(t.Context(), store.BundlesOf(of.account, of.kind), of.sid); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s: read: error %v, want ErrNotFound", name, err)
				}
				_, err := s.UpdateBundle(t.Context(), store.BundlesOf(of.account, of.kind), of.sid, func(trust.Bundle) (trust.Outcome, error) {
					t.Errorf("%s: the change was asked", name)
					return trust.Outcome{}, nil
				})
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s: update: error %v, want ErrNotFound", name, err)
				}
			}
			wantBundle(t, s, draft())
		})
	}
}

// A change that is refused, or that changes nothing, leaves the bundle alone and the store in order.
func TestUpdateBundleWritesNothing(t *testing.T) {
	refusal := errors.New("refused")
	next := bundles()["approved"]
	for name, test := range map[string]struct {
		outcome trust.Outcome
		err     error
	}{
		"refused":                {trust.Outcome{}, refusal},
		"refused after the fact": {trust.Outcome{Bundle: next, Changed: true}, refusal},
		"nothing changed":        {trust.Outcome{Bundle: draft()}, nil},
		"said not to be changed": {trust.Outcome{Bundle: next, Changed: false}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for engine, open := range engines(t) {
				t.Run(engine, func(t *testing.T) {
					s := open(t)
					check(t, s.Bundles.Create(t.Context(), draft()))
					_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(trust.Bundle) (trust.Outcome, error) {
						return test.outcome, test.err
					})
					if !errors.Is(err, test.err) {
						t.Errorf("error %v, want %v", err, test.err)
					}
					wantBundle(t, s, draft())
					rename(t, s, "the next change")
				})
			}
		})
	}
}

// rename appends to the bundle's name, and does it by what the change is given: a lost update shows.
func rename(t *testing.T, s *store.Store, suffix string) {
	t.Helper()
	_, err := s.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(p trust.Bundle) (trust.Outcome, error) {
		p.FriendlyName += suffix
		return trust.Outcome{Bundle: p, Changed: true}, nil
	})
	if err != nil {
		t.Errorf("update: %v", err)
	}
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	const goroutines, updates = 8, 25
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			// Two stores on one database: a second process is kept out by the engine, not by what a Store holds.
			stores := []*store.Store{open(t), open(t)}
			p := draft()
			p.FriendlyName = ""
			check(t, stores[0].Bundles.Create(t.Context(), p))
			var running sync.WaitGroup
			for i := range goroutines {
				running.Go(func() {
					for range updates {
						rename(t, stores[i%len(stores)], string(rune('a'+i)))
					}
				})
			}
			running.Wait()
			got, err := stores[0].Bundles.Fetch(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), bundleSID)
			check(t, err)
			for i := range goroutines {
				letter := string(rune('a' + i))
				if n := strings.Count(got.FriendlyName, letter); n != updates {
					t.Errorf("%d updates of goroutine %s are there, want %d", n, letter, updates)
				}
			}
		})
	}
}

// A caller who gives up waits no longer, and one who gives up in the middle spoils nothing for those after him.
func TestWriteAfterCancel(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			check(t, s.Bundles.Create(t.Context(), draft()))
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.UpdateBundle(ctx, store.BundlesOf(accountSID, trust.TrustProduct), bundleSID, func(p trust.Bundle) (trust.Outcome, error) {
				cancel()
				p.FriendlyName = "begun"
				return trust.Outcome{Bundle: p, Changed: true}, nil
			})
			want := draft()
			switch { // a write that has begun is made wholly, or not at all
			case err == nil:
				want.FriendlyName = "begun"
			case !errors.Is(err, context.Canceled):
				t.Errorf("a write that has begun: error %v, want none or context.Canceled", err)
			}
			if err := s.PutAccount(ctx, store.Account{SID: accountSID}); !errors.Is(err, context.Canceled) {
				t.Errorf("a write that has not: error %v, want context.Canceled", err)
			}
			wantAccounts(t, s)
			rename(t, s, " and on")
			want.FriendlyName += " and on"
			wantBundle(t, s, want)
		})
	}
}

func TestReopen(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			account := store.Account{SID: accountSID, AuthToken: "token", Created: at}
			check(t, s.PutAccount(t.Context(), account))
			check(t, s.Bundles.Create(t.Context(), draft()))
			closeStore(t, s)
			if err := s.Health(t.Context(), at); err == nil {
				t.Error("a closed store says that it is well")
			}

			s = open(t)
			check(t, s.Health(t.Context(), at))
			wantAccounts(t, s, account)
			wantBundle(t, s, draft())
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
