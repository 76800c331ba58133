package connections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pool calls a limiter as http.Server would.
type pool struct {
	t       *testing.T
	limiter *Limiter
	out     []string // the connections that were closed to make room, in order
	conns   []*conn
}

func newPool(t *testing.T, limit int) *pool {
	return &pool{t: t, limiter: New(Config{Max: limit, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})}
}

// named is one end of a pipe that records when it is closed.
type named struct {
	net.Conn
	close func()
}

func (n named) Close() error { n.close(); return n.Conn.Close() }

func (p *pool) arrive(name string) *conn {
	p.t.Helper()
	near, far := net.Pipe()
	p.t.Cleanup(func() { _ = far.Close() })
	c := p.limiter.admit(named{near, func() { p.out = append(p.out, name) }})
	p.conns = append(p.conns, c)
	return c
}

// request begins a request on a connection, and ends it unless it must be held.
func (p *pool) request(c *conn, account string, hold bool) error {
	p.limiter.connState(c, http.StateActive)
	authenticate := p.limiter.Authenticate(func(context.Context, string, string) (string, error) { return account, nil })
	_, err := authenticate(p.limiter.connContext(p.t.Context(), c), "", "")
	if !hold {
		p.limiter.connState(c, http.StateIdle)
	}
	return err
}

// TestClosingOrder opens connections of each kind, those with the lowest priority last, and then authenticated ones.
func TestClosingOrder(t *testing.T) {
	p := newPool(t, 16)
	for _, kind := range []struct {
		name, account string
		hold          bool
		count         int
	}{
		{"busy", "AC1", true, 4},
		{"idle", "AC1", false, 3},
		{"asking", "", true, 6},
		{"idle after a refusal", "", false, 2},
	} {
		for i := range kind.count {
			if err := p.request(p.arrive(fmt.Sprint(kind.name, " ", i)), kind.account, kind.hold); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.arrive("silent")
	for range 8 {
		if err := p.request(p.arrive("newcomer"), "AC2", false); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"idle after a refusal 0", "idle after a refusal 1", "silent", "asking 0", "asking 1",
		"idle 0", "idle 1", "idle 2", // the remaining four unauthenticated connections are a quarter
	}
	if !slices.Equal(p.out, want) {
		t.Errorf("closed\n%s\nwant\n%s", strings.Join(p.out, "\n"), strings.Join(want, "\n"))
	}
}

// TestClosedBeforeAuthenticated: a connection is closed while its credentials are being checked, which must end its request.
func TestClosedBeforeAuthenticated(t *testing.T) {
	p := newPool(t, 1)
	c := p.arrive("first")
	p.limiter.connState(c, http.StateActive)
	request := p.limiter.connContext(t.Context(), c)
	p.arrive("second")
	err := p.request(c, "AC1", true)
	if !errors.Is(err, context.Canceled) || request.Err() == nil || !slices.Equal(p.out, []string{"first"}) {
		t.Errorf("error %v, the request's context %v, closed %q", err, request.Err(), p.out)
	}
}

// TestNothingIsLeft closes connections in every phase, twice, and expects nothing to be counted afterwards.
func TestNothingIsLeft(t *testing.T) {
	p := newPool(t, 8)
	p.arrive("silent")
	for _, account := range []string{"", "AC1"} {
		for _, hold := range []bool{true, false} {
			if err := p.request(p.arrive("one"), account, hold); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 8 {
		p.arrive("more")
	}
	for range 2 {
		for _, c := range p.conns {
			_ = c.Close() // a pipe does not fail
			p.limiter.connState(c, http.StateIdle)
		}
	}
	l := p.limiter
	if !reflect.DeepEqual(l.all, newShare(8)) || len(l.addresses) != 0 {
		t.Errorf("still counted: %+v and the addresses %v", l.all, l.addresses)
	}
	for i := range l.waiting {
		if l.waiting[i].Len() != 0 {
			t.Errorf("%d in phase %d", l.waiting[i].Len(), i)
		}
	}
}

// TestReports counts the log lines about an attack of ten minutes.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		p := newPool(t, 1)
		p.limiter.log = reporter{now: time.Now, log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 600 {
			p.arrive("attacker")
			time.Sleep(time.Second) //nolint:forbidigo // a fake clock: see synctest
		}
		if lines := strings.Count(log.String(), "\n"); lines != 10 {
			t.Errorf("%d lines:\n%s", lines, &log)
		}
		if !strings.Contains(log.String(), "closed=60") {
			t.Errorf("the log does not have the number of closed connections:\n%s", &log)
		}
	})
}

// BenchmarkRequest measures a request on a reused connection.
func BenchmarkRequest(b *testing.B) {
	limiter := New(Config{Max: 8, Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	c := limiter.add(nil, netip.Prefix{})
	ctx := limiter.connContext(b.Context(), c)
	authenticate := limiter.Authenticate(func(context.Context, string, string) (string, error) { return "AC1", nil })
	b.ReportAllocs()
	for b.Loop() {
		limiter.connState(c, http.StateActive)
		if _, err := authenticate(ctx, "", ""); err != nil {
			b.Fatal(err)
		}
		limiter.connState(c, http.StateIdle)
	}
}
