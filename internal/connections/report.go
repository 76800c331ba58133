package connections

import (
	"log/slog"
	"net/netip"
	"time"
)

// reportEvery keeps an attack from filling the log.
const reportEvery = time.Minute

// reporter logs that a limit was reached, at most once a minute for each limit. The limiter's mu guards it.
type reporter struct {
	now     func() time.Time
	log     *slog.Logger
	all     tally
	address tally
}

// tally counts what has not been logged yet.
type tally struct {
	count int
	last  time.Time
}

// due counts one more, and reports whether it is time to log and how many.
func (t *tally) due(now time.Time) (count int, due bool) {
	t.count++
	if !t.last.IsZero() && now.Sub(t.last) < reportEvery {
		return 0, false
	}
	count, t.count, t.last = t.count, 0, now
	return count, true
}

func (r *reporter) full() {
	if count, due := r.all.due(r.now()); due {
		r.log.Warn("all connections are in use: others were closed for new ones", "closed", count)
	}
}

func (r *reporter) addressFull(network netip.Prefix) {
	if count, due := r.address.due(r.now()); due {
		r.log.Warn("an address has reached its limit of connections: its oldest were closed for new ones",
			"client_network", network.String(), "closed", count)
	}
}
