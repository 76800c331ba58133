package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// key is the API key of accountSID with this number.
func key(number int) store.APIKey {
	return store.APIKey{
		SID: fmt.Sprintf("SK%032d", number), AccountSID: accountSID, FriendlyName: fmt.Sprint("key ", number), Created: at,
	}
}

func putAccount(t *testing.T, s *store.Store, sid string) {
	t.Helper()
	check(t, s.PutAccount(t.Context(), store.Account{SID: sid, AuthToken: "token of " + sid, Created: at}))
}

func TestAPIKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if err := s.AddAPIKey(t.Context(), key(1), "secret"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a key of an unknown account: %v", err)
		}
		putAccount(t, s, accountSID)
		for _, number := range []int{2, 1, 3} {
			check(t, s.AddAPIKey(t.Context(), key(number), fmt.Sprint("secret", number)))
		}
		if err := s.AddAPIKey(t.Context(), key(3), "another"); err == nil {
			t.Error("a second key with the same SID was stored")
		}
		wantKeys(t, s, "", 10, 1, 2, 3)
		wantKeys(t, s, key(1).SID, 1, 2)
		wantKeys(t, s, key(3).SID, 10)
		for number := 1; number <= 3; number++ {
			wantAccepted(t, s, key(number).SID, fmt.Sprint("secret", number), true)
		}
		for _, wrong := range []string{"", "secret2", "secret1 ", "token of " + accountSID} {
			wantAccepted(t, s, key(1).SID, wrong, false)
		}
		wantAccepted(t, s, accountSID, "secret1", false)
		check(t, s.RemoveAPIKey(t.Context(), key(1).SID))
		for _, sid := range []string{key(1).SID, key(4).SID, accountSID} {
			if err := s.RemoveAPIKey(t.Context(), sid); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("removing %s, which is no key: %v", sid, err)
			}
		}
		wantKeys(t, s, "", 10, 2, 3)
		wantAccepted(t, s, key(1).SID, "secret1", false)
		wantAccepted(t, s, key(2).SID, "secret2", true)
	})
}

// TestSecretsOfKeysAreNotStored looks for secrets in all tables.
func TestSecretsOfKeysAreNotStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		putAccount(t, s, accountSID)
		secret := trust.NewAuthToken()
		check(t, s.AddAPIKey(t.Context(), key(1), secret))
		rows := dump(t, s)
		wantNowhere(t, rows, secret)
		if text := strings.Join(rows["api_keys"], ""); !strings.Contains(text, key(1).SID) {
			t.Errorf("the dump has no key, and so shows nothing: %q", text)
		}
	})
}

// TestTooManyAPIKeys adds more keys than an account can have, from many callers. Other accounts do not notice.
func TestTooManyAPIKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		putAccount(t, s, accountSID)
		putAccount(t, s, otherSID)
		var added atomic.Int64
		var group errgroup.Group
		group.SetLimit(8)
		for number := range store.MaxAPIKeys + 8 {
			group.Go(func() error {
				err := s.AddAPIKey(t.Context(), key(number), "secret")
				if err == nil {
					added.Add(1)
				} else if !errors.Is(err, store.ErrTooManyAPIKeys) {
					return err
				}
				return nil
			})
		}
		check(t, group.Wait())
		all, err := s.APIKeys(t.Context(), accountSID, "", 2*store.MaxAPIKeys)
		if err != nil || len(all) != store.MaxAPIKeys || added.Load() != store.MaxAPIKeys {
			t.Errorf("%d keys, %d callers were told that theirs was stored, error %v", len(all), added.Load(), err)
		}
		other := key(1000)
		other.AccountSID = otherSID
		check(t, s.AddAPIKey(t.Context(), other, "secret"))
		check(t, s.RemoveAPIKey(t.Context(), all[0].SID))
		check(t, s.AddAPIKey(t.Context(), key(1001), "secret"))
	})
}

// TestKeysEndWithTheirAccount: the erasure of an account erases its keys in its first transaction, and no key can be added after
// it. If a program that does not know of keys has deleted an account, its keys are refused.
func TestKeysEndWithTheirAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		putAccount(t, s, accountSID)
		putAccount(t, s, otherSID)
		check(t, s.AddAPIKey(t.Context(), key(1), "secret"))
		other := key(2)
		other.AccountSID = otherSID
		check(t, s.AddAPIKey(t.Context(), other, "secret"))
		check(t, s.Bundles.Create(t.Context(), draft()))
		createMany(t, s, 100) // which take longer to erase than the keys may be left
		version := s.CredentialsVersion()
		ended := make(chan error)
		go func() {
			counts, err := s.Erase(t.Context(), store.Erasure{AccountSID: accountSID, By: operator})
			if err == nil && counts["api_keys"] != 1 {
				err = fmt.Errorf("erased %v", counts)
			}
			ended <- err
		}()
		for err := error(nil); !errors.Is(err, store.ErrNotFound); {
			_, err = s.Account(t.Context(), accountSID)
		}
		wantKeys(t, s, "", 10)
		check(t, <-ended)
		if s.CredentialsVersion() == version {
			t.Error("caches are not told of the erasure")
		}
		wantAccepted(t, s, key(1).SID, "secret", false)
		wantAccepted(t, s, other.SID, "secret", true)
		if err := s.AddAPIKey(t.Context(), key(3), "secret"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a key of an erased account: %v", err)
		}
		check(t, s.Exec(t.Context(), `DELETE FROM accounts WHERE sid = $1`, otherSID))
		wantAccepted(t, s, other.SID, "secret", false)
	})
}

func wantKeys(t *testing.T, s *store.Store, after string, limit int, want ...int) {
	t.Helper()
	all, err := s.APIKeys(t.Context(), accountSID, after, limit)
	check(t, err)
	var got []store.APIKey
	for _, k := range all { // without the hashes
		got = append(got, store.APIKey{SID: k.SID, AccountSID: k.AccountSID, FriendlyName: k.FriendlyName, Created: k.Created})
	}
	var keys []store.APIKey
	for _, number := range want {
		keys = append(keys, key(number))
	}
	if fmt.Sprint(got) != fmt.Sprint(keys) {
		t.Errorf("keys %v, want %v", got, keys)
	}
}

// wantAccepted checks whether a password goes with a user name, by the credential with that name and by the list of all.
func wantAccepted(t *testing.T, s *store.Store, username, password string, want bool) {
	t.Helper()
	one, err := s.Credential(t.Context(), username)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	all, err := s.Credentials(t.Context())
	check(t, err)
	listed := false
	for _, c := range all {
		listed = listed || (c.Username == username && c.Accepts(password) && c == one)
	}
	if one.Accepts(password) != want || listed != want {
		t.Errorf("%s with %q: accepted %t, by the list %t, want %t", username, password, one.Accepts(password), listed, want)
	}
	if want && one.AccountSID == "" {
		t.Errorf("%s has no account", username)
	}
}
