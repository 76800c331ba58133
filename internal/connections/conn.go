package connections

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
)

// phase says what a connection is at.
type phase int

const (
	silent phase = iota // it has sent no request, or none since one that was not authenticated
	asking              // its request is not authenticated, or not yet
	idle                // its last request was authenticated
	busy                // its request is authenticated: it cannot be closed
	closed
)

// conn is a connection that counts.
type conn struct {
	net.Conn
	limiter *Limiter
	network netip.Prefix // whose limit it is under; the zero Prefix for none
	address *share       // of that network; nil for none

	// Guarded by the limiter's mu.
	end     context.CancelFunc // of its requests; nil until the server asks for their context
	phase   phase
	place   *list.Element // in the list of its phase; nil if it is in no list
	account string        // of its last authenticated request
}

// Close closes the connection, which no longer counts.
func (c *conn) Close() error {
	c.limiter.mu.Lock()
	c.limiter.remove(c)
	c.limiter.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite closes the writing side, which net/http does first: a caller that is still sending then reads the answer to its end.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// share counts the connections of all, or of one network.
type share struct {
	max       int
	open      int
	strangers int
	busy      int
	accounts  map[string]int // busy ones by account
}

func newShare(limit int) *share { return &share{max: limit, accounts: map[string]int{}} }

// count counts a connection in or out, by its phase and the account of its request.
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

// order returns the phases whose connections are to make room, the first ones first.
func (s *share) order() [3]phase {
	if s.strangers > s.max/4 {
		return [3]phase{silent, asking, idle}
	}
	return [3]phase{idle, silent, asking}
}

// refuses reports whether an account can have no more requests: a quarter is left for newcomers, and half for other accounts.
func (s *share) refuses(account string) bool {
	return s.busy >= s.max-s.max/4 || s.accounts[account] >= s.max/2
}

func (c *conn) shares() []*share {
	if c.address == nil {
		return []*share{c.limiter.all}
	}
	return []*share{c.limiter.all, c.address}
}

// The following methods are called with mu held.

// add counts a newcomer.
func (l *Limiter) add(raw net.Conn, network netip.Prefix) *conn {
	c := &conn{Conn: raw, limiter: l, network: network, phase: closed}
	if network.IsValid() {
		if c.address = l.addresses[network]; c.address == nil {
			c.address = newShare(l.config.MaxPerAddress)
			l.addresses[network] = c.address
		}
	}
	l.enter(c, silent)
	return c
}

// enter puts a connection into another phase.
func (l *Limiter) enter(c *conn, next phase) {
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

// remove gives the place of a connection back, once.
func (l *Limiter) remove(c *conn) {
	if c.phase == closed {
		return
	}
	l.enter(c, closed)
	if c.address != nil && c.address.open == 0 {
		delete(l.addresses, c.network)
	}
	if c.end != nil {
		c.end()
	}
}

// evict closes a connection of a share that is full. There is one that can be closed, because not all can be busy.
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
