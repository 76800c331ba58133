package control

import (
	"net/http"
	"regexp"
	"sync"
	"time"
)

// Clock is a clock that runs or stands still. It is never set back.
type Clock struct {
	real func() time.Time

	mu      sync.Mutex
	at      time.Time // what it showed
	since   time.Time // when that was, by real
	running bool
	held    bool // Advance moves it, and it runs only afterwards
}

// NewClock returns a clock that stands at start. real is the time that passes while the clock runs.
func NewClock(start time.Time, real func() time.Time) *Clock {
	return &Clock{real: real, at: start.Round(0)} // only real's monotonic clock counts
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// now is Now with the lock held.
func (c *Clock) now() time.Time {
	if c.stands() {
		return c.at
	}
	return c.at.Add(c.real().Sub(c.since))
}

// Read returns the time, and whether the clock runs. While Advance moves a clock that runs, it counts as running.
func (c *Clock) Read() (now time.Time, running bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(), c.running
}

func (c *Clock) stands() bool { return !c.running || c.held }

// Freeze stops the clock.
func (c *Clock) Freeze() { c.change(func() { c.running = false }) }

// Run lets the clock run, from the time that it shows.
func (c *Clock) Run() { c.change(func() { c.running = true }) }

func (c *Clock) hold()    { c.change(func() { c.held = true }) }
func (c *Clock) release() { c.change(func() { c.held = false }) }

// change calls set, which changes whether the clock runs, and not what it shows.
func (c *Clock) change(set func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.since = c.now(), c.real()
	set()
}

// reach moves the clock to t, unless it shows a later time.
func (c *Clock) reach(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now()) {
		c.at, c.since = t.Round(0), c.real()
	}
}

// tick moves a clock that stands by a millisecond: resources created at the very same time have no order in a list.
func (c *Clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stands() {
		c.at = c.at.Add(time.Millisecond)
	}
}

// itemPath matches the path of a single resource, as opposed to a collection's.
var itemPath = regexp.MustCompile("/[A-Z]{2}[0-9a-fA-F]{32}$")

// isCreate reports whether an operation creates something, which is a POST to a collection.
func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && !itemPath.MatchString(r.URL.Path)
}
