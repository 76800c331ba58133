package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"time"

	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
)

// follows says which changes a page follows by itself.
type follows string

const (
	followsNothing  follows = ""
	followsDatabase follows = "database" // accounts, bundles, their histories, deliveries
	followsRequests follows = "requests" // the log of requests, which is this server's own
	followsControl  follows = "control"  // the clock and the faults of test mode; not that time passes
)

// markLife is how long a mark is taken for the current one. Changes within it become one message, and the database is asked once
// in that time, however many pages are open.
const markLife = time.Second

// marks returns marks: short texts that change when something else does. A page has the mark from before it was made.
type marks struct {
	store    *store.Store
	requests *requestlog.Log  // nil if the server keeps none
	control  *control.Control // nil outside test mode
	now      func() time.Time

	mu     sync.Mutex
	latest string // empty when it must be read again
}

// of returns the mark of what a page follows.
func (m *marks) of(ctx context.Context, what follows) (string, error) {
	switch {
	case what == followsDatabase:
		return m.ofDatabase(ctx)
	case what == followsRequests && m.requests != nil:
		return strconv.FormatInt(m.requests.Latest(), 36), nil
	case what == followsControl && m.control != nil:
		return markOfControl(m.control), nil
	}
	return "", nil
}

func markOfControl(c *control.Control) string {
	now, running := c.Clock.Read()
	if running {
		now = time.Time{}
	}
	return strconv.FormatInt(now.Unix(), 36) + "." + strconv.Itoa(c.Faults.Left())
}

func (m *marks) ofDatabase(ctx context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.latest != "" {
		return m.latest, nil
	}
	text, err := m.store.Mark(ctx, m.now())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text)) // so that it has no SIDs
	m.latest = hex.EncodeToString(sum[:8])
	time.AfterFunc(markLife, m.forget)
	return m.latest, nil
}

func (m *marks) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = ""
}
