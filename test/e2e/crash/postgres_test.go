package crash_test

import (
	"bytes"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const (
	password = "chaospassword"
	// shortOutage is how long Postgres may be down without a notice being repeated: a server that has sent one records it as
	// soon as it can, and no other may send it before the lease ends.
	shortOutage = leaseTime / 2
	resumeLimit = leaseTime // for a server to be healthy after Postgres is back; it takes less than a second
	unavailable = `{"code":20503,"message":"The service is unavailable, try again later",` +
		`"more_info":"https://www.twilio.com/docs/errors/20503","status":503}`
)

// TestPostgresDies kills Postgres itself with SIGKILL under the load of two servers and starts it again. While it is down,
// requests must get the documented error. Afterwards the same two servers must continue, and at the end every acknowledged
// write must be there and every change delivered, in order. If TRUSTHUB_CRASH_ROUNDS is set, Postgres dies twenty times.
//
// It may take leaseTime longer, until leases have ended whose commits lost their result.
func TestPostgresDies(t *testing.T) {
	t.Parallel()
	deaths := 2
	if _, campaign := campaignRounds(t, 0); campaign {
		deaths = 20
	}
	cluster := pgtest.NewCluster(t)
	surviveDeaths(t, cluster.URL(), deaths, cluster.Kill, cluster.Start)
}

// TestFailover kills the primary of two servers of Postgres in the same way, and promotes the standby, which commits have waited
// for. The servers of ours have the URL of both.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := pgtest.NewCluster(t)
	standby := primary.NewStandby(t)
	surviveDeaths(t, pgtest.Hosts(primary, standby), 1, primary.Kill, standby.Promote)
}

// surviveDeaths has two servers under load survive deaths of Postgres.
func surviveDeaths(t *testing.T, db string, deaths int, kill, revive func() error) {
	t.Helper()
	run := newCampaignRun(t, withPassword(t, db))
	var latest atomic.Pointer[outage]
	load := startLoad(t, run, 2, func(_ *peer, began time.Time, err error) bool {
		refused, ok := errors.AsType[*client.Error](err)
		return ok && refused.Status == http.StatusServiceUnavailable && refused.Code == 20503 && latest.Load().excuses(began)
	})
	unkeyed := load.createWithoutKeys(t)
	var outages []outage
	for i := range deaths {
		load.awaitWrites(t, 1+rand.IntN(maxWrites))
		if i > 0 {
			load.awaitLeases(t, outages[i-1].resumed)
		}
		latest.Store(new(outage)) // it begins
		o := load.outlast(t, kill, revive)
		latest.Store(&o)
		outages = append(outages, o)
		if t.Failed() {
			t.FailNow()
		}
	}
	load.awaitWrites(t, maxWrites)
	load.finish(t)

	tally := run.verify(t)
	unkeyed.verify(t)
	leases := run.verifyLeases(t, func(first, second leaseTaken) bool {
		for _, o := range outages {
			if !first.taken.After(o.resumed) && !second.taken.Before(o.died) {
				return true
			}
		}
		return false
	})
	longest := summarize(t, outages)
	t.Logf("%d deaths, %d requests refused, %d of them submissions that were made: %+v, %+v",
		deaths, load.failed.Load(), load.kept.Load(), tally, leases)
	if leases.Servers < len(load.servers) {
		t.Errorf("only %d servers took leases: the work was not shared", leases.Servers)
	}
	if again := tally.RepeatedCallbacks + tally.RepeatedMails; again > 0 && longest < shortOutage {
		t.Errorf("%d notices were repeated, although no outage was longer than %v", again, longest)
	}
	for i := range load.servers {
		verifyLog(t, load.servers[i].Load().Stderr())
	}
}

// withPassword adds a password to the URL, which this Postgres ignores.
func withPassword(t *testing.T, name string) string {
	t.Helper()
	at, err := url.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword(at.User.Username(), password)
	return at.String()
}

// outage is a period without Postgres. It ends when all servers are healthy again.
type outage struct{ died, back, resumed time.Time }

// excuses reports whether a request that began at that time may have failed because of this outage, the latest one.
func (o *outage) excuses(began time.Time) bool {
	return o != nil && (o.resumed.IsZero() || began.Before(o.resumed))
}

// awaitWrites waits until more creates and submissions have been acknowledged.
func (l *clientLoad) awaitWrites(t *testing.T, more int) {
	t.Helper()
	acknowledged := func() int {
		l.run.mu.Lock()
		defer l.run.mu.Unlock()
		return len(l.run.created) + len(l.run.submitted)
	}
	want := acknowledged() + more
	await(t, "acknowledgement of writes", func() bool { return acknowledged() >= want || t.Failed() })
}

// awaitLeases waits until every server has taken new leases, and so has recorded all that it sent before. Otherwise an unlucky
// server might have no time for that between outages.
func (l *clientLoad) awaitLeases(t *testing.T, since time.Time) {
	t.Helper()
	storetest.UseSQL(t, l.run.db, func(db *sql.DB) {
		await(t, "lease of each server", func() bool {
			const query = `SELECT COUNT(DISTINCT server) FROM test_leases WHERE taken_at > $1`
			return queryCount(t, db, query, since) == len(l.servers) || t.Failed()
		})
	})
}

// outlast kills Postgres, verifies the servers' responses, revives it and waits until the servers are healthy.
func (l *clientLoad) outlast(t *testing.T, kill, revive func() error) outage {
	t.Helper()
	o := outage{died: time.Now()}
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the first requests use connections that were open
		for i := range l.servers {
			verifyUnavailable(t, l.servers[i].Load().url)
		}
	}
	if err := revive(); err != nil {
		t.Fatal(err)
	}
	o.back = time.Now()
	for i := range l.servers {
		await(t, "health", func() bool { return l.servers[i].Load().health(t) == http.StatusOK })
	}
	o.resumed = time.Now()
	return o
}

// verifyUnavailable expects the documented error and nothing else: the caller must not learn about the database.
func verifyUnavailable(t *testing.T, server string) {
	t.Helper()
	if got := send(t, http.MethodGet, server+"/livez", "", nil); got.status != http.StatusOK {
		t.Errorf("without Postgres /livez returns %d %s", got.status, got.body)
	}
	form := url.Values{"FriendlyName": {"Acme"}, "Email": {"a@acme.example"}, "PolicySid": {policySID}}
	for _, attempt := range []struct{ method, path, user string }{
		{http.MethodPost, "/v1/TrustProducts", programtest.AccountSID},
		{http.MethodPost, "/v1/TrustProducts/BU00000000000000000000000000000001", programtest.AccountSID},
		{http.MethodPost, "/v1/TrustProducts", "AC00000000000000000000000000000000"}, // whether it is unknown cannot be known now
		{http.MethodGet, "/healthz", ""},
	} {
		// A create on a dead connection cannot know whether it was stored, so its error has no Retry-After. After as many
		// creates as the pool has connections, every create knows.
		promised := false
		for try := 0; try < 20 && !promised; try++ {
			promised = askUnavailable(t, attempt.method, server+attempt.path, attempt.user, form)
		}
		if attempt.method == http.MethodPost && !promised {
			t.Errorf("without Postgres %+v gets no Retry-After", attempt)
		}
	}
}

// askUnavailable sends a request and reports whether the response has a Retry-After.
func askUnavailable(t *testing.T, method, target, account string, form url.Values) (promised bool) {
	t.Helper()
	got := send(t, method, target, account, form)
	if got.status != http.StatusServiceUnavailable || strings.TrimSpace(string(got.body)) != unavailable {
		t.Errorf("without Postgres %s %s returns %d %s", method, target, got.status, got.body)
	}
	seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
	return err == nil && seconds >= 1
}

// summarize logs the lengths of the outages and returns the longest.
func summarize(t *testing.T, outages []outage) (longest time.Duration) {
	t.Helper()
	var resuming time.Duration
	for _, o := range outages {
		longest = max(longest, o.resumed.Sub(o.died))
		resuming = max(resuming, o.resumed.Sub(o.back))
	}
	t.Logf("the longest outage was %v; servers were healthy %v after Postgres at the latest",
		longest.Round(time.Millisecond), resuming.Round(time.Millisecond))
	if resuming > resumeLimit {
		t.Errorf("servers were healthy only %v after Postgres", resuming)
	}
	return longest
}

// verifyLog expects a log to report the outages and to have no secrets.
func verifyLog(t *testing.T, log string) {
	t.Helper()
	if !strings.Contains(log, "background work waits for the database") || !strings.Contains(log, `"level":"ERROR"`) {
		t.Error("the log does not report that Postgres was down")
	}
	for _, secret := range []string{password, programtest.AuthToken} {
		if at := strings.Index(log, secret); at >= 0 {
			t.Errorf("the log has %q: %s", secret, bytes.TrimSpace([]byte(log[max(0, at-200):min(len(log), at+200)])))
		}
	}
}
