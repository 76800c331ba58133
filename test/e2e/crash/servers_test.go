package crash_test

import (
	"database/sql"
	"errors"
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
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for range kills {
		<-each.C
		load.killOne(t)
		if t.Failed() {
			t.FailNow()
		}
	}
	load.finish(t)

	tally := run.verify(t)
	run.verifyCreatedOnce(t)
	leases := load.verifyKills(t, tally)
	t.Logf("%d kills, %d requests without a response, %d of them submissions that were made: %+v, %+v",
		kills, load.failed.Load(), load.kept.Load(), tally, leases)
	if leases.Servers < servers {
		t.Errorf("only %d servers took leases: the work was not shared", leases.Servers)
	}
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
