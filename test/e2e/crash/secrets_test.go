package crash_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opentrusthub/trusthub/internal/secrets"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// secretAccounts is how many accounts TestSecretsCrash has besides that of the server.
const secretAccounts = 3000

// TestSecretsCrash kills `trusthub secrets rotate` with SIGKILL at any moment, beside a server with all keys. Each time every auth
// token can be decrypted, and a second run completes the rotation, after which the new key alone is enough. The server refuses no
// request meanwhile.
func TestSecretsCrash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		rounds, _ := campaignRounds(t, 3)
		keys := make([]string, rounds+2)
		for i := range keys {
			keys[i] = secrets.GenerateKey()
		}
		server := programtest.Serve(t, program, db, "--key-file", keyFile(t, keys...), "--no-deliveries")
		storetest.UseSQL(t, db, func(db *sql.DB) {
			if _, err := db.ExecContext(t.Context(), plainAccounts()); err != nil {
				t.Fatal(err)
			}
		})
		want := tokens(t, db, keyFile(t, keys...))
		callInvariably(t, server.String())
		duration := runProgram(t, db, 0, "secrets", "rotate", "--key-file", keyFile(t, keys...))
		for round := range rounds {
			all := keyFile(t, slices.Concat(keys[round+1:], keys[:round+1])...)
			runProgram(t, db, duration/4+rand.N(duration), "secrets", "rotate", "--key-file", all)
			t.Logf("after a kill: %s", output(t, db, "secrets", "check", "--key-file", all))
			runProgram(t, db, 0, "secrets", "rotate", "--key-file", all)
			alone := keyFile(t, keys[round+1])
			if checked := string(output(t, db, "secrets", "check", "--key-file", alone)); !strings.Contains(checked, fmt.Sprint(": ", secretAccounts+1, "\n")) {
				t.Errorf("after a second run: %s", checked)
			}
			if got := tokens(t, db, alone); !bytes.Equal(got, want) {
				t.Errorf("the tokens have changed, from %d bytes to %d", len(want), len(got))
			}
		}
	})
}

func keyFile(t *testing.T, keys ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// plainAccounts returns a statement that adds accounts whose tokens are not encrypted.
func plainAccounts() string {
	rows := make([]string, secretAccounts)
	for i := range rows {
		rows[i] = fmt.Sprintf("('AC%032x', 'token%d', %d)", i+1, i, i)
	}
	return `INSERT INTO accounts (sid, auth_token, created_at) VALUES ` + strings.Join(rows, ", ")
}

// output returns what a command prints, which must succeed.
func output(t *testing.T, db string, args ...string) []byte {
	t.Helper()
	p := programtest.Start(t, programtest.Command{
		Path: program, Args: args, Env: []string{"TRUSTHUB_DB=" + db, "GORACE=atexit_sleep_ms=0"},
	})
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, p.Stderr())
	}
	return []byte(p.Stdout())
}

// tokens returns all accounts with their auth tokens, as the program prints them.
func tokens(t *testing.T, db, keys string) []byte {
	t.Helper()
	list := output(t, db, "accounts", "list", "--tokens", "--key-file", keys)
	var accounts []map[string]any
	if err := json.Unmarshal(list, &accounts); err != nil || len(accounts) != secretAccounts+1 {
		t.Fatalf("%d accounts, %v", len(accounts), err)
	}
	return list
}

// callInvariably sends requests until the test ends. Each must succeed.
func callInvariably(t *testing.T, base string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var calling sync.WaitGroup
	requests := 0
	calling.Go(func() {
		for t.Context().Err() == nil {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/TrustProducts", nil)
			if err != nil {
				t.Error(err)
				return
			}
			request.SetBasicAuth(programtest.AccountSID, programtest.AuthToken)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("status %d, %v", response.StatusCode, err)
				return
			}
			requests++
		}
	})
	t.Cleanup(func() { // before the server stops
		calling.Wait()
		t.Logf("%d requests meanwhile", requests)
	})
}
