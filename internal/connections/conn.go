package connections

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
)

// phase is the state of a connection.
type phase int

const (
	silent phase = iota // without a request, or the last one was not authenticated
	asking              // with a request that is not authenticated (yet)
	idle                // without a request, and the last one was authenticated
	busy                // with an authenticated request: must not be closed
	closed
)

// conn is a connection that is counted.
type conn struct {
	net.Conn
	limiter *Limiter
	network netip.Prefix // that limits it; the zero Prefix if none does
	address *share       // of that network; nil if no network limits it

	// Guarded by the limiter's mu.
	end     context.CancelFunc // of its requests; nil until the server asks for their context
	phase   phase
	place   *list.Element // in the list of its phase; nil if it is in no list
	account string        // of its last authenticated request
}

// Close closes the connection, which is then no longer counted.
func (c *conn) Close() error {
	c.limiter.mu.Lock()
	c.limiter.remove(c)
	c.limiter.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite closes the writing side. net/http calls it first, so that a caller that is still sending can read the whole
// response.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// share counts connections: all of them, or those of one network.
type share struct {
	max       int
	open      int
	strangers int
	busy      int
	accounts  map[string]int // busy ones by account
}

func newShare(limit int) *share { return &share{max: limit, accounts: map[string]int{}} }

// count adds a number of connections of a phase and an account, or removes them if it is negative.
func (s *share) count(p phase, account string, by int) {
	if p != closed {
		s.open += by
	}
	if p == silent || p == asking {
		s.strangers += by
	}
	if p == busy {
		s.busy += by
		if s.accounts[account] += by; s.accounts[account] == 0 {
			delete(s.accounts, account)
		}
	}
}

// order returns the phases whose connections are closed to make room, in that order.
func (s *share) order() [3]phase {
	if s.strangers > s.max/4 {
		return [3]phase{silent, asking, idle}
	}
	return [3]phase{idle, silent, asking}
}

// refuses reports whether an account must not have more requests: a quarter is kept for newcomers, and half for other accounts.
func (s *share) refuses(account string) bool {
	return s.busy >= s.max-s.max/4 || s.accounts[account] >= s.max/2
}

func (c *conn) shares() []*share {
	if c.address == nil {
		return []*share{c.limiter.all}
	}
	return []*share{c.limiter.all, c.address}
}

// The following methods must be called with mu held.

// add counts a new connection.
func (l *Limiter) add(raw net.Conn, network netip.Prefix) *conn {
	c := &conn{Conn: raw, limiter: l, network: network, phase: closed}
	if network.IsValid() {
		if c.address = l.addresses[network]; c.address == nil {
			c.address = newShare(l.config.MaxPerAddress)
			l.addresses[network] = c.address
		}
	}
	l.setPhase(c, silent)
	return c
}

// setPhase changes the phase of a connection.
func (l *Limiter) setPhase(c *conn, next phase) {
	if c.place != nil {
		l.waiting[c.phase].Remove(c.place)
		c.place = nil
	}
	for _, s := range c.shares() {
		s.count(c.phase, c.account, -1)
		s.count(next, c.account, +1)
	}
	if c.phase = next; next < busy {
		c.place = l.waiting[next].PushBack(c)
	}
}

// remove stops counting a connection. It may be called twice.
func (l *Limiter) remove(c *conn) {
	if c.phase == closed {
		return
	}
	l.setPhase(c, closed)
	if c.address != nil && c.address.open == 0 {
		delete(l.addresses, c.network)
	}
	if c.end != nil {
		c.end()
	}
}

// evict closes a connection of a full share. There always is one to close, because not all can be busy.
func (l *Limiter) evict(s *share) {
	for _, phase := range s.order() {
		for place := l.waiting[phase].Front(); place != nil; place = place.Next() {
			if c, ok := place.Value.(*conn); ok && (s == l.all || s == c.address) {
				l.remove(c)
				_ = c.Conn.Close() // its error does not matter
				return
			}
		}
	}
}
