package store_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/internal/secrets"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// The tokens of accountSID and otherSID.
const (
	tokenA = "tokenOfAccountA"
	tokenB = "tokenOfAccountB"
)

// keyring returns a keyring with the keys that these numbers stand for.
func keyring(t *testing.T, numbers ...byte) *secrets.Keyring {
	t.Helper()
	var text []byte
	for _, number := range numbers {
		text = fmt.Appendln(text, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{number}, 32)))
	}
	keys, err := secrets.ParseKeys(text)
	check(t, err)
	return keys
}

// openWith opens a database until the test ends.
func openWith(t *testing.T, name string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), name, o)
	check(t, err)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// onEachEngine runs a test with the name of a database of each engine, which has no rows.
func onEachEngine(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, database(t))
		})
	}
}

func putTokens(t *testing.T, s *store.Store) {
	t.Helper()
	check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: tokenA, Created: at}))
	check(t, s.PutAccount(t.Context(), store.Account{SID: otherSID, AuthToken: tokenB, Created: at}))
}

// update changes the database behind the store's back, and must change one row.
func update(t *testing.T, name, statement string, args ...any) {
	t.Helper()
	storetest.UseSQL(t, name, func(db *sql.DB) {
		result, err := db.ExecContext(t.Context(), statement, args...)
		check(t, err)
		if rows, err := result.RowsAffected(); rows != 1 || err != nil {
			t.Fatalf("%s: %d rows, %v", statement, rows, err)
		}
	})
}

// wantTokens checks what each way to read accounts returns. want are the tokens by account; an empty one cannot be decrypted.
func wantTokens(t *testing.T, s *store.Store, want map[string]string) {
	t.Helper()
	readable := 0
	for sid, token := range want {
		account, err := s.Account(t.Context(), sid)
		if err != nil || account.AuthToken != token || (account.TokenErr == nil) != (token != "") {
			t.Errorf("account %s: %+v, %v, want token %q", sid, account, err, token)
		}
		credential, err := s.Credential(t.Context(), sid)
		if (err == nil) != (token != "") || credential.Accepts(token) != (token != "") || credential.Accepts("") {
			t.Errorf("credential of %s: %v, want one for %q", sid, err, token)
		}
		if token == "" && !strings.Contains(fmt.Sprint(account.TokenErr), "account "+sid+" cannot be decrypted: ") {
			t.Errorf("account %s: %v", sid, account.TokenErr)
		}
		if token != "" {
			readable++
		}
	}
	all, err := s.Accounts(t.Context())
	check(t, err)
	page, err := s.AccountsAfter(t.Context(), store.Place{}, 10)
	check(t, err)
	if len(all) != len(want) || len(page) != len(want) {
		t.Errorf("%d accounts and a page of %d, want %d", len(all), len(page), len(want))
	}
	for _, account := range append(all, page...) {
		if account.AuthToken != want[account.SID] || account.SecondaryToken != "" {
			t.Errorf("in the list: %+v", account)
		}
	}
	if credentials, err := s.Credentials(t.Context()); len(credentials) != readable || err != nil {
		t.Errorf("%d credentials, %v, want %d", len(credentials), err, readable)
	}
}

// TestTokensAreEncrypted: what the store returns does not depend on how tokens are stored, and the database has none in plain.
func TestTokensAreEncrypted(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		s := openWith(t, name, store.Options{Keys: keyring(t, 1)})
		if stored, err := s.FirstAccount(t.Context(), store.Account{SID: accountSID, AuthToken: tokenA, Created: at}); !stored || err != nil {
			t.Fatalf("%v, %v", stored, err)
		}
		putTokens(t, s)
		check(t, s.Bundles.Create(t.Context(), draft()))
		notify(t, s, "http://a.example/1")
		if leases, _ := exchange(t, s, 0, 1); len(leases) != 1 || leases[0].AuthToken != tokenA || leases[0].TokenErr != nil {
			t.Errorf("leased %+v", leases)
		}
		want := map[string]string{accountSID: tokenA, otherSID: tokenB}
		wantTokens(t, s, want)
		wantTokens(t, openWith(t, name, store.Options{Keys: keyring(t, 2, 1)}), want)
		if rows := fmt.Sprint(dump(t, s)); strings.Contains(rows, tokenA) || strings.Contains(rows, tokenB) {
			t.Error("the database has a plain token")
		}
	})
}

// TestRotationOfEncryptedTokens rotates the token of an account, and promotes it in both ways.
func TestRotationOfEncryptedTokens(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		s := openWith(t, name, store.Options{Keys: keyring(t, 1)})
		putTokens(t, s)
		for _, promote := range []func() error{
			func() error {
				promoted, err := s.PromoteToken(t.Context(), accountSID)
				if promoted.AuthToken != tokenA+"2" {
					t.Errorf("promoted %+v", promoted)
				}
				return err
			},
			func() error {
				return s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: tokenA + "2", Created: at})
			},
		} {
			check(t, s.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: tokenA, Created: at}))
			check(t, s.RotateToken(t.Context(), accountSID, tokenA+"2", true))
			a, err := s.Account(t.Context(), accountSID)
			if a.AuthToken != tokenA || a.SecondaryToken != tokenA+"2" || err != nil {
				t.Errorf("%+v, %v", a, err)
			}
			if rows := fmt.Sprint(dump(t, s)); strings.Contains(rows, tokenA) {
				t.Error("the database has a plain token")
			}
			check(t, promote())
			wantTokens(t, s, map[string]string{accountSID: tokenA + "2", otherSID: tokenB})
			if a, err := s.Account(t.Context(), accountSID); a.SecondaryToken != "" || err != nil {
				t.Errorf("after the promotion: %+v, %v", a, err)
			}
		}
	})
}

// TestKeysOfDatabase opens a database with and without keys, in the order in which an operator turns encryption on.
func TestKeysOfDatabase(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		one, other := keyring(t, 1), keyring(t, 2)
		plain := map[string]string{accountSID: tokenA, otherSID: tokenB}
		existing := store.Options{Access: store.Existing, Keys: one}
		putTokens(t, openWith(t, name, store.Options{}))

		// A command that must not change the database does not turn encryption on, and stores what servers can read.
		command := openWith(t, name, existing)
		putTokens(t, command)
		wantTokens(t, openWith(t, name, store.Options{}), plain)

		// A server does. Tokens that are there stay plain, also if they are given again, so that servers that have no key yet go on.
		old := openWith(t, name, store.Options{})
		server := openWith(t, name, store.Options{Keys: one})
		putTokens(t, server)
		wantTokens(t, old, plain)

		// New ones are encrypted.
		check(t, server.PutAccount(t.Context(), store.Account{SID: otherSID, AuthToken: tokenB + "2", Created: at}))
		wantTokens(t, server, map[string]string{accountSID: tokenA, otherSID: tokenB + "2"})
		wantTokens(t, old, map[string]string{accountSID: tokenA, otherSID: ""})
		found, err := server.TokenKeys(t.Context())
		if err != nil || found.Plain != 1 || found.Encrypted[one.IDs()[0]] != 1 || found.Unreadable != 0 {
			t.Errorf("%+v, %v", found, err)
		}

		// From then on, nobody opens it without the key who needs tokens, and programs that know no encryption do not either.
		for _, access := range []store.Access{store.Migrate, store.Create, store.Existing} {
			if _, err := store.Open(t.Context(), name, store.Options{Access: access}); !errors.Is(err, store.ErrKeysMissing) {
				t.Errorf("access %d without keys: %v", access, err)
			}
			_, err := store.Open(t.Context(), name, store.Options{Access: access, Keys: other, KeysOptional: true})
			if !errors.Is(err, store.ErrWrongKeys) || !strings.Contains(err.Error(), one.IDs()[0]) || !strings.Contains(err.Error(), other.IDs()[0]) {
				t.Errorf("access %d with another key: %v", access, err)
			}
		}
		storetest.UseSQL(t, name, func(db *sql.DB) {
			var oldest int
			check(t, db.QueryRowContext(t.Context(), `SELECT oldest_program FROM schema_compatibility`).Scan(&oldest))
			if oldest != 16 {
				t.Errorf("the oldest program is %d", oldest)
			}
		})

		// Who needs no tokens can work, and cannot store a plain one.
		without := openWith(t, name, store.Options{KeysOptional: true})
		wantTokens(t, without, map[string]string{accountSID: tokenA, otherSID: ""})
		if err := without.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "x", Created: at}); !errors.Is(err, store.ErrKeysMissing) {
			t.Errorf("a token was stored without keys: %v", err)
		}

		// A changed check value is no key's.
		update(t, name, `UPDATE settings SET value = value || 'A' WHERE name = 'secrets_check'`)
		if _, err := store.Open(t.Context(), name, existing); !errors.Is(err, store.ErrWrongKeys) || !errors.Is(err, secrets.ErrDamaged) {
			t.Errorf("with a changed check value: %v", err)
		}
	})
}

// TestUnreadableToken damages the token of one account in several ways. Others go on, and a new token repairs it.
func TestUnreadableToken(t *testing.T) {
	onEachEngine(t, func(t *testing.T, name string) {
		s := openWith(t, name, store.Options{Keys: keyring(t, 1)})
		putTokens(t, s)
		check(t, s.Bundles.Create(t.Context(), draft()))
		notify(t, s, "http://a.example/1")
		for way, statement := range map[string]string{
			"changed":   `UPDATE accounts SET auth_token = auth_token || 'A' WHERE sid = $1`,
			"truncated": `UPDATE accounts SET auth_token = substr(auth_token, 1, 30) WHERE sid = $1`,
			"moved":     `UPDATE accounts SET auth_token = (SELECT auth_token FROM accounts WHERE sid <> $1) WHERE sid = $1`,
			"a key":     `UPDATE accounts SET auth_token = 'aes256gcm:00000000' || substr(auth_token, 19) WHERE sid = $1`,
			"second":    `UPDATE accounts SET secondary_token = 'aes256gcm:' WHERE sid = $1`,
		} {
			update(t, name, statement, accountSID)
			wantTokens(t, s, map[string]string{accountSID: "", otherSID: tokenB})
			if found, err := s.TokenKeys(t.Context()); err != nil || found.Unreadable != 1 || len(found.Errors) != 1 {
				t.Errorf("%s: %+v, %v", way, found, err)
			}
			if _, err := s.ReencryptTokens(t.Context()); !errors.Is(err, store.ErrUnreadable) {
				t.Errorf("%s: re-encrypting: %v", way, err)
			}
			putTokens(t, s)
			update(t, name, `UPDATE accounts SET secondary_token = '' WHERE sid = $1`, accountSID)
			wantTokens(t, s, map[string]string{accountSID: tokenA, otherSID: tokenB})
		}

		update(t, name, `UPDATE accounts SET auth_token = auth_token || 'A' WHERE sid = $1`, accountSID)
		leases, _ := exchange(t, s, 0, 1)
		if len(leases) != 1 || leases[0].AuthToken != "" || !errors.Is(leases[0].TokenErr, secrets.ErrDamaged) {
			t.Errorf("leased %+v", leases)
		}
	})
}

// TestEncryptedCopies: a backup and a copy have the tokens as they are stored, and need the same keys.
func TestEncryptedCopies(t *testing.T) {
	dir := t.TempDir()
	name, backup, copied := filepath.Join(dir, "trusthub.db"), filepath.Join(dir, "backup.db"), filepath.Join(dir, "copy.db")
	s := openWith(t, name, store.Options{Keys: keyring(t, 1)})
	putTokens(t, s)
	_, err := store.BackUp(t.Context(), name, backup, false)
	check(t, err)
	target := openWith(t, copied, store.Options{})
	_, err = openWith(t, name, store.Options{Access: store.Existing, KeysOptional: true}).CopyTo(t.Context(), target, func(int64, int64) {})
	check(t, err)
	for _, name := range []string{backup, copied} {
		if _, err := store.Open(t.Context(), name, store.Options{}); !errors.Is(err, store.ErrKeysMissing) {
			t.Errorf("%s without keys: %v", name, err)
		}
		wantTokens(t, openWith(t, name, store.Options{Keys: keyring(t, 1)}), map[string]string{accountSID: tokenA, otherSID: tokenB})
		wantNoTokens(t, name)
		storetest.UseSQL(t, name, func(db *sql.DB) {
			var oldest int
			check(t, db.QueryRowContext(t.Context(), `SELECT oldest_program FROM schema_compatibility`).Scan(&oldest))
			if oldest != 16 {
				t.Errorf("%s: the oldest program is %d", name, oldest)
			}
		})
	}
}

// wantNoTokens searches the bytes of a SQLite file and its log for the plain tokens.
func wantNoTokens(t *testing.T, name string) {
	t.Helper()
	if found := plainTokens(t, name); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

func plainTokens(t *testing.T, name string) (found []string) {
	t.Helper()
	for _, file := range []string{name, name + "-wal"} {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, token := range []string{tokenA, tokenB} {
			if bytes.Contains(content, []byte(token)) {
				found = append(found, file+": "+token)
			}
		}
	}
	return found
}

// TestReencryptLeavesNoPlainToken encrypts the tokens of a file beside a server that has it open.
func TestReencryptLeavesNoPlainToken(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trusthub.db")
	putTokens(t, openFile(t, name))
	createMany(t, openFile(t, name), 50)
	if found := plainTokens(t, name); len(found) < 2 {
		t.Fatalf("a plain database has only %q", found)
	}
	server := openWith(t, name, store.Options{Keys: keyring(t, 1)})
	command := openWith(t, name, store.Options{Access: store.Existing, Keys: keyring(t, 1)})
	changed, err := command.ReencryptTokens(t.Context())
	if changed != 2 || err != nil {
		t.Errorf("%d tokens, %v", changed, err)
	}
	check(t, command.Scrub(t.Context()))
	wantNoTokens(t, name)
	wantTokens(t, server, map[string]string{accountSID: tokenA, otherSID: tokenB})
	check(t, server.PutAccount(t.Context(), store.Account{SID: accountSID, AuthToken: "x", Created: at.Add(time.Second)}))
}
