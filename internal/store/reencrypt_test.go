package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// manyAccounts is more than one transaction changes.
const manyAccounts = 450

func manySID(i int) string { return fmt.Sprintf("AC%032d", i) }

func addMany(t *testing.T, s *store.Store) {
	t.Helper()
	for i := range manyAccounts {
		check(t, s.PutAccount(t.Context(), store.Account{
			SID: manySID(i), AuthToken: fmt.Sprintf("primary%d", i), SecondaryToken: fmt.Sprintf("secondary%d", i), Created: at,
		}))
	}
}

// wantMany checks the tokens of addMany, and that they are all encrypted with one key.
func wantMany(t *testing.T, s *store.Store, keyID string, wantChanged func(i int) bool) {
	t.Helper()
	found, err := s.TokenKeys(t.Context())
	if err != nil || found.Plain != 0 || found.Unreadable != 0 || found.Encrypted[keyID] != 2*manyAccounts || len(found.Encrypted) != 1 {
		t.Errorf("%+v, %v, want %d under %s", found, err, 2*manyAccounts, keyID)
	}
	accounts, err := s.Accounts(t.Context())
	check(t, err)
	for i, account := range accounts {
		primary := fmt.Sprintf("primary%d", i)
		if wantChanged(i) {
			primary = fmt.Sprintf("changed%d", i)
		}
		if account.AuthToken != primary || account.SecondaryToken != fmt.Sprintf("secondary%d", i) {
			t.Errorf("account %d has %q and %q (%v)", i, account.AuthToken, account.SecondaryToken, account.TokenErr)
		}
	}
}

// TestReencryptInterrupted replaces a key in a database whose tokens are plain, encrypted with the old key and with the new one.
// It is interrupted twice, by an error in the middle, and each time a server can start. Only the end makes the old key unnecessary.
func TestReencryptInterrupted(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		older, both, newer := keyring(t, 1), keyring(t, 2, 1), keyring(t, 2)
		addMany(t, openWith(t, name, store.Options{}))
		s := openWith(t, name, store.Options{Keys: older})
		check(t, s.PutAccount(t.Context(), store.Account{SID: manySID(7), AuthToken: "changed7", Created: at}))
		s = openWith(t, name, store.Options{Keys: both})
		check(t, s.PutAccount(t.Context(), store.Account{SID: manySID(8), AuthToken: "changed8", Created: at}))

		total := 0
		for _, stop := range []int{manyAccounts / 2, manyAccounts - 1} {
			remove := refuseChanges(t, name, manySID(stop))
			changed, err := s.ReencryptTokens(t.Context())
			total += changed
			if err == nil || changed == 0 {
				t.Errorf("interrupted: %d tokens, %v", changed, err)
			}
			wantAllReadable(t, openWith(t, name, store.Options{Keys: both}))
			if _, err := store.Open(t.Context(), name, store.Options{Keys: newer}); !errors.Is(err, store.ErrWrongKeys) {
				t.Errorf("without the old key before the end: %v", err)
			}
			remove()
		}
		changed, err := s.ReencryptTokens(t.Context())
		if total += changed; err != nil || changed == 0 || total != 2*manyAccounts-1 {
			t.Errorf("%d tokens at last, %d in total, %v", changed, total, err)
		}
		wantMany(t, openWith(t, name, store.Options{Keys: newer}), newer.IDs()[0], func(i int) bool { return i == 7 || i == 8 })
	})
}

// refuseChanges has the database refuse changes of an account until remove is called.
func refuseChanges(t *testing.T, name, sid string) (remove func()) {
	t.Helper()
	add := []string{`CREATE TRIGGER refuse BEFORE UPDATE ON accounts WHEN NEW.sid = '` + sid + `' BEGIN SELECT RAISE(ABORT, 'refused'); END`}
	drop := `DROP TRIGGER refuse`
	if store.IsPostgres(name) {
		add = []string{
			`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
			`CREATE TRIGGER refuse BEFORE UPDATE ON accounts FOR EACH ROW WHEN (NEW.sid = '` + sid + `') EXECUTE FUNCTION refuse()`,
		}
		drop = `DROP TRIGGER refuse ON accounts`
	}
	run := func(statements ...string) {
		storetest.UseSQL(t, name, func(db *sql.DB) {
			for _, statement := range statements {
				_, err := db.ExecContext(t.Context(), statement)
				check(t, err)
			}
		})
	}
	run(add...)
	return func() { run(drop) }
}

func wantAllReadable(t *testing.T, s *store.Store) {
	t.Helper()
	if found, err := s.TokenKeys(t.Context()); err != nil || found.Unreadable != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestReencryptBesideChanges changes tokens, with the old key first, while they are re-encrypted. No change is lost.
func TestReencryptBesideChanges(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		server := openWith(t, name, store.Options{Keys: keyring(t, 1, 2)})
		command := openWith(t, name, store.Options{Access: store.Existing, Keys: keyring(t, 2, 1)})
		addMany(t, server)
		even := func(i int) bool { return i%2 == 0 }
		var all sync.WaitGroup
		all.Go(func() {
			for i := manyAccounts - 1; i >= 0; i-- {
				if even(i) {
					if err := server.PutAccount(t.Context(), store.Account{SID: manySID(i), AuthToken: fmt.Sprintf("changed%d", i), Created: at}); err != nil {
						t.Error(err)
					}
				}
			}
		})
		for range 3 {
			_, err := command.ReencryptTokens(t.Context())
			check(t, err)
		}
		all.Wait()
		_, err := command.ReencryptTokens(t.Context())
		check(t, err)
		wantMany(t, openWith(t, name, store.Options{Keys: keyring(t, 2)}), keyring(t, 2).IDs()[0], even)
	})
}
