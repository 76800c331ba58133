package crash_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// seedObjects is how many bundles, and how many end users, a seed of TestSeedCrash has.
const seedObjects = 800

// TestSeedCrash kills `trusthub seed` with SIGKILL at any moment. Each time everything of the file is there, or nothing, and a
// second run completes it.
func TestSeedCrash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		runProgram(t, db, 0, "accounts", "add")
		duration := runProgram(t, db, 0, "seed", seedFile(t, "whole"))
		rounds, _ := campaignRounds(t, 4)
		for round := range rounds {
			name := fmt.Sprintf("round%d", round)
			file := seedFile(t, name)
			runProgram(t, db, duration/3+rand.N(duration), "seed", file)
			stored := seededRows(t, db, name)
			if stored != 0 && stored != 3*seedObjects {
				t.Fatalf("after a kill %d rows are there, want none or %d", stored, 3*seedObjects)
			}
			t.Logf("after a kill %d rows are there", stored)
			runProgram(t, db, 0, "seed", file)
			if stored := seededRows(t, db, name); stored != 3*seedObjects {
				t.Fatalf("after a second run %d rows are there, want %d", stored, 3*seedObjects)
			}
		}
	})
}

// runProgram runs a command on the database, and kills it after a time unless that is 0. It returns how long the command took.
func runProgram(t *testing.T, db string, killAfter time.Duration, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	p := programtest.Start(t, programtest.Command{
		Path: program, Args: args, Env: []string{"TRUSTHUB_DB=" + db, "GORACE=atexit_sleep_ms=0"},
	})
	if killAfter == 0 {
		if err := p.Wait(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, p.Stderr())
		}
		return time.Since(start)
	}
	<-time.After(killAfter)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// seedFile writes a file of bundles with an end user each. Friendly names and keys contain the file's name.
func seedFile(t *testing.T, name string) string {
	t.Helper()
	var users, products strings.Builder
	for i := range seedObjects {
		fmt.Fprintf(&users, "- {key: %[1]s-u%[2]d, type: t, friendly_name: %[1]s-}\n", name, i)
		fmt.Fprintf(&products, "- {key: %[1]s-p%[2]d, policy_sid: %[3]s, friendly_name: %[1]s-, email: e, assign: [%[1]s-u%[2]d]}\n", name, i, policySID)
	}
	file := filepath.Join(t.TempDir(), name+".yaml")
	text := "end_users:\n" + users.String() + "trust_products:\n" + products.String()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// seededRows returns how many bundles, end users and assignments of a file are stored.
func seededRows(t *testing.T, db, name string) (count int) {
	t.Helper()
	storetest.UseSQL(t, db, func(db *sql.DB) {
		for _, query := range []string{
			`SELECT COUNT(*) FROM bundles WHERE friendly_name = $1`,
			`SELECT COUNT(*) FROM end_users WHERE friendly_name = $1`,
			`SELECT COUNT(*) FROM assignments WHERE object_sid IN (SELECT sid FROM end_users WHERE friendly_name = $1)`,
		} {
			var rows int
			if err := db.QueryRow(query, name+"-").Scan(&rows); err != nil {
				t.Fatal(err)
			}
			count += rows
		}
	})
	return count
}
