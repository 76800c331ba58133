package crash_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

// peer is one of the servers of a database.
type peer struct {
	*instance
	client *client.Client
	killed atomic.Bool // set before the kill
}

// fleet is the servers of one database at the same time.
type fleet struct {
	run     *campaignRun
	servers []atomic.Pointer[peer]
	killed  map[string]time.Time // when, by the server's name
	victims []*peer
}

// startFleet starts servers. Several need Postgres.
func startFleet(t *testing.T, run *campaignRun, servers int) *fleet {
	t.Helper()
	f := &fleet{run: run, servers: make([]atomic.Pointer[peer], servers), killed: map[string]time.Time{}}
	for i := range servers {
		f.start(t, i)
	}
	if isPostgres(run.db) {
		logLeases(t, run.db) // after the servers have created the tables
	}
	return f
}

// start starts a server that replaces another.
func (f *fleet) start(t *testing.T, i int) {
	t.Helper()
	s := f.run.start(t)
	f.servers[i].Store(&peer{instance: s, client: s.api(t)})
}

// dial connects to the first server that accepts, from a random one on, as to a host name with an address for each server.
func (f *fleet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var failed error
	first := rand.IntN(len(f.servers))
	for i := range f.servers {
		server := f.servers[(first+i)%len(f.servers)].Load()
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(server.url, "http://"))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// killOne kills one of the servers and starts another in its place.
func (f *fleet) killOne(t *testing.T) {
	t.Helper()
	i := rand.IntN(len(f.servers))
	victim := f.servers[i].Load()
	victim.killed.Store(true)
	f.killed[victim.name] = time.Now()
	victim.end(t)
	f.victims = append(f.victims, victim)
	f.start(t, i)
}

// finish lets the servers finish all the work, and stops them.
func (f *fleet) finish(t *testing.T) {
	t.Helper()
	settling := time.Now()
	f.run.settle(t)
	t.Logf("all work had ended %v after the load", time.Since(settling).Round(time.Millisecond))
	for i := range f.servers {
		f.servers[i].Load().terminate(t)
	}
	f.run.customer.outlive(t)
}

// verifyKills expects that a notice was sent again only if the server that had it was killed, and that killing a server caused no
// errors in others.
func (f *fleet) verifyKills(t *testing.T, tally deliveryTally) leaseTally {
	t.Helper()
	leases := f.run.verifyLeases(t, func(first, second leaseTaken) bool {
		at, ok := f.killed[first.server]
		return ok && !at.After(second.taken)
	})
	if most := len(f.victims) * maxInFlight; tally.RepeatedCallbacks > most || tally.RepeatedMails > most {
		t.Errorf("more than %d callbacks or mails were repeated, which is more than servers send at the same time", most)
	}
	logs := f.victims
	for i := range f.servers {
		logs = append(logs, f.servers[i].Load())
	}
	for _, s := range logs {
		if bytes.Contains([]byte(s.Stderr()), []byte(`"level":"ERROR"`)) {
			t.Errorf("the log of %s has errors:\n%s", s.name, errorLines([]byte(s.Stderr())))
		}
	}
	return leases
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
