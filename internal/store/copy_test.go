package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/storetest"
)

// TestCopy copies from each engine to each: all rows arrive as they were, and only into an empty database.
func TestCopy(t *testing.T) {
	for from, source := range storetest.Names() {
		for to, database := range storetest.Names() {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := withDraft(t, func(t *testing.T) *store.Store { t.Helper(); return storetest.Open(t, source(t)) })
				notify(t, s, "http://a.example/1", "http://a.example/2")
				const more = 1001 // than one statement carries
				createMany(t, s, more)
				leases, _ := exchange(t, s, 0, 1)
				exchange(t, s, 0, 0, delivered(leases[0]))

				copied := storetest.Open(t, database(t))
				var last, all int64
				counts, err := s.CopyTo(t.Context(), copied, func(done, total int64) { last, all = done, total })
				if err != nil || counts["products"] != 1+more || counts["notices"] != 2 || counts["attempts"] != 1 ||
					last != 5+more || all != 5+more {
					t.Fatalf("copied %v, progress %d of %d, error %v", counts, last, all, err)
				}
				wantProduct(t, copied, draft())
				wantAccounts(t, copied, store.Account{SID: accountSID, AuthToken: "token", Created: at})
				if got := states(t, copied); got != "[delivered ready]" {
					t.Errorf("notices %s", got)
				}
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

func createMany(t *testing.T, s *store.Store, n int) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error {
			p := draft()
			p.SID = fmt.Sprintf("BU%032d", i+1000)
			return s.CreateProduct(t.Context(), p)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}
