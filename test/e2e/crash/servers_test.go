package crash_test

import (
	"bytes"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestManyServers runs three servers on one database under load, and each second kills one with SIGKILL and starts another. At
// the end every acknowledged write must be there and every change delivered, in order, and twice only if a killed server was
// delivering it. If TRUSTHUB_CRASH_ROUNDS is set, this takes a minute.
//
// It takes leaseTime longer, until the leases of the last killed server have ended.
func TestManyServers(t *testing.T) {
	t.Parallel()
	const servers = 3
	kills := 3
	if _, campaign := campaignRounds(t, 0); campaign {
		kills = 60
	}
	run := newCampaignRun(t, pgtest.NewDurable(t))
	load := startLoad(t, run, servers, func(s *peer, _ time.Time, err error) bool {
		_, answered := errors.AsType[*client.Error](err)
		return !answered && s.killed.Load()
	})
	killed := map[string]time.Time{}
	var logs []*peer
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for range kills {
		<-each.C
		i := rand.IntN(servers)
		victim := load.servers[i].Load()
		victim.killed.Store(true)
		killed[victim.name] = time.Now()
		victim.end(t)
		logs = append(logs, victim)
		load.start(t, i)
		if t.Failed() {
			t.FailNow()
		}
	}
	load.finish(t)

	tally := run.verify(t)
	run.verifyCreatedOnce(t)
	leases := run.verifyLeases(t, func(first, second leaseTaken) bool {
		at, ok := killed[first.server]
		return ok && !at.After(second.taken)
	})
	t.Logf("%d kills, %d requests without a response, %d of them submissions that were made: %+v, %+v",
		kills, load.failed.Load(), load.kept.Load(), tally, leases)
	if leases.Servers < servers {
		t.Errorf("only %d servers took leases: the work was not shared", leases.Servers)
	}
	if most := kills * maxInFlight; tally.RepeatedCallbacks > most || tally.RepeatedMails > most {
		t.Errorf("more than %d callbacks or mails were repeated, which is more than servers send at the same time", most)
	}
	for i := range load.servers {
		logs = append(logs, load.servers[i].Load())
	}
	for _, s := range logs { // killing a server must not cause errors in others
		if bytes.Contains([]byte(s.Stderr()), []byte(`"level":"ERROR"`)) {
			t.Errorf("the log of %s has errors:\n%s", s.name, errorLines([]byte(s.Stderr())))
		}
	}
}

// errorLines returns the lines of a log that report errors.
func errorLines(log []byte) []byte {
	var lines [][]byte
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`"level":"ERROR"`)) {
			lines = append(lines, line)
		}
	}
	return bytes.Join(lines, nil)
}

// TestTenServersStart starts ten servers at once on an empty database: all must become healthy, and only one creates the
// tables.
func TestTenServersStart(t *testing.T) {
	t.Parallel()
	const copies = 10
	name := pgtest.NewDurable(t)
	began := time.Now()
	var servers []*instance
	for range copies {
		servers = append(servers, launchInstance(t, name))
	}
	for _, s := range servers {
		s.listens(t)
		if status := s.health(t); status != http.StatusOK {
			t.Errorf("%s returns %d", s.name, status)
		}
	}
	t.Logf("%d servers were ready after %v", copies, time.Since(began).Round(time.Millisecond))
	storetest.UseSQL(t, name, func(db *sql.DB) {
		applied := queryCount(t, db, `SELECT COUNT(*) FROM goose_db_version WHERE version_id > 0`)
		versions := queryCount(t, db, `SELECT COUNT(DISTINCT version_id) FROM goose_db_version WHERE version_id > 0`)
		if versions == 0 || applied != versions {
			t.Errorf("%d migrations were applied, want %d", applied, versions)
		}
		if accounts := queryCount(t, db, `SELECT COUNT(*) FROM accounts`); accounts != 1 {
			t.Errorf("%d accounts", accounts)
		}
	})
	for _, s := range servers {
		s.terminate(t)
	}
}
