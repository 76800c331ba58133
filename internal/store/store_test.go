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

// opener opens the database of one test, which has no rows at first, and has the test run beside others from then on. Opened again,
// it is the same database.
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
	accountSID = "AC00000000000000000000000000000001"
	otherSID   = "AC00000000000000000000000000000002"
	productSID = "BU00000000000000000000000000000001"
)

// at has microseconds, the finest that the store keeps.
var at = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)

// draft is a product of accountSID as it is created.
func draft() trust.Product {
	return trust.NewProduct(productSID, accountSID, "RN00000000000000000000000000000001",
		"Acme, Inc.", "compliance@acme.example", "https://acme.example/status", at)
}

// products are what a product may look like, all with the same SIDs and time of creation.
func products() map[string]trust.Product {
	variants := map[string]func(*trust.Product){
		"draft":       func(*trust.Product) {},
		"no callback": func(p *trust.Product) { p.StatusCallback = "" },
		"rejected":    func(p *trust.Product) { p.Status, p.Errors = trust.TwilioRejected, []int{18601, 18606} },
		"one code":    func(p *trust.Product) { p.Status, p.Errors = trust.TwilioRejected, []int{18601} },
		"approved": func(p *trust.Product) {
			p.Status, p.ValidUntil, p.Updated = trust.TwilioApproved, at.AddDate(1, 0, 0), at.Add(time.Microsecond)
			p.Due = at.AddDate(1, 0, 1)
		},
		"odd text": func(p *trust.Product) {
			p.FriendlyName, p.Email = "'; DROP TABLE products; -- %s $1 ? 日本 \U0001F600\r\n", strings.Repeat("é", 10_000)
		},
	}
	all := make(map[string]trust.Product)
	for name, vary := range variants {
		p := draft()
		vary(&p)
		all[name] = p
	}
	return all
}

// A field that is added to the product must be kept too: this fails until a variant has it.
func TestProductsHaveEveryField(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[trust.Product]()) {
		set := false
		for _, p := range products() {
			set = set || !reflect.ValueOf(p).FieldByIndex(field.Index).IsZero()
		}
		if !set {
			t.Errorf("no product here has %s", field.Name)
		}
	}
}

func TestCreateProduct(t *testing.T) {
	for name, p := range products() {
		t.Run(name, func(t *testing.T) {
			for engine, open := range engines(t) {
				t.Run(engine, func(t *testing.T) {
					s := open(t)
					check(t, s.CreateProduct(t.Context(), p))
					wantProduct(t, s, p)

					again := p
					again.FriendlyName = "another of the same SID"
					if err := s.CreateProduct(t.Context(), again); err == nil || errors.Is(err, store.ErrUnavailable) {
						t.Errorf("a SID that is taken: error %v, want one that another try does not get past", err)
					}
					wantProduct(t, s, p)
				})
			}
		})
	}
}

func TestUpdateProduct(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			now := draft()
			check(t, s.CreateProduct(t.Context(), now))
			bystander := draft()
			bystander.SID = "BU00000000000000000000000000000002"
			check(t, s.CreateProduct(t.Context(), bystander))
			for from := range products() {
				for to, next := range products() {
					var seen trust.Product
					got, err := s.UpdateProduct(t.Context(), accountSID, productSID, func(p trust.Product) (trust.Outcome, error) {
						seen = p
						return trust.Outcome{Product: next, Changed: true}, nil
					})
					if err != nil || !reflect.DeepEqual(seen, now) || !reflect.DeepEqual(got, next) {
						t.Fatalf("%s to %s: error %v\nchange saw %+v\nwant       %+v\nanswer     %+v\nwant       %+v",
							from, to, err, seen, now, got, next)
					}
					now = next
					wantProduct(t, s, now)
				}
			}
			wantProduct(t, s, bystander)
		})
	}
}

func wantProduct(t *testing.T, s *store.Store, want trust.Product) {
	t.Helper()
	if got, err := s.Product(t.Context(), want.AccountSID, want.SID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, error %v\nwant %+v", got, err, want)
	}
}

func TestProductNotFound(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			check(t, s.CreateProduct(t.Context(), draft()))
			for name, sids := range map[string][2]string{
				"no such SID":          {accountSID, "BU00000000000000000000000000000009"},
				"another account's":    {otherSID, productSID},
				"no account":           {"", productSID},
				"upper and lower":      {accountSID, strings.ToLower(productSID)},
				"a pattern, not a SID": {accountSID, "BU%"},
			} {
				if _, err := s.Product(t.Context(), sids[0], sids[1]); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s: read: error %v, want ErrNotFound", name, err)
				}
				_, err := s.UpdateProduct(t.Context(), sids[0], sids[1], func(trust.Product) (trust.Outcome, error) {
					t.Errorf("%s: the change was asked", name)
					return trust.Outcome{}, nil
				})
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s: update: error %v, want ErrNotFound", name, err)
				}
			}
			wantProduct(t, s, draft())
		})
	}
}

// A change that is refused, or that changes nothing, leaves the product alone and the store in order.
func TestUpdateProductWritesNothing(t *testing.T) {
	refusal := errors.New("refused")
	next := products()["approved"]
	for name, test := range map[string]struct {
		outcome trust.Outcome
		err     error
	}{
		"refused":                {trust.Outcome{}, refusal},
		"refused after the fact": {trust.Outcome{Product: next, Changed: true}, refusal},
		"nothing changed":        {trust.Outcome{Product: draft()}, nil},
		"said not to be changed": {trust.Outcome{Product: next, Changed: false}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for engine, open := range engines(t) {
				t.Run(engine, func(t *testing.T) {
					s := open(t)
					check(t, s.CreateProduct(t.Context(), draft()))
					_, err := s.UpdateProduct(t.Context(), accountSID, productSID, func(trust.Product) (trust.Outcome, error) {
						return test.outcome, test.err
					})
					if !errors.Is(err, test.err) {
						t.Errorf("error %v, want %v", err, test.err)
					}
					wantProduct(t, s, draft())
					rename(t, s, "the next change")
				})
			}
		})
	}
}

// rename appends to the product's name, and does it by what the change is given: a lost update shows.
func rename(t *testing.T, s *store.Store, suffix string) {
	t.Helper()
	_, err := s.UpdateProduct(t.Context(), accountSID, productSID, func(p trust.Product) (trust.Outcome, error) {
		p.FriendlyName += suffix
		return trust.Outcome{Product: p, Changed: true}, nil
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
			check(t, stores[0].CreateProduct(t.Context(), p))
			var running sync.WaitGroup
			for i := range goroutines {
				running.Go(func() {
					for range updates {
						rename(t, stores[i%len(stores)], string(rune('a'+i)))
					}
				})
			}
			running.Wait()
			got, err := stores[0].Product(t.Context(), accountSID, productSID)
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
			check(t, s.CreateProduct(t.Context(), draft()))
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.UpdateProduct(ctx, accountSID, productSID, func(p trust.Product) (trust.Outcome, error) {
				cancel()
				p.FriendlyName = "begun"
				return trust.Outcome{Product: p, Changed: true}, nil
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
			wantProduct(t, s, want)
		})
	}
}

func TestReopen(t *testing.T) {
	for engine, open := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			account := store.Account{SID: accountSID, AuthToken: "token", Created: at}
			check(t, s.PutAccount(t.Context(), account))
			check(t, s.CreateProduct(t.Context(), draft()))
			closeStore(t, s)
			if err := s.Health(t.Context(), at); err == nil {
				t.Error("a closed store says that it is well")
			}

			s = open(t)
			check(t, s.Health(t.Context(), at))
			wantAccounts(t, s, account)
			wantProduct(t, s, draft())
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
