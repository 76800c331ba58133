package jobs

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	dueAtOnce     = 64  // notices to read in a cycle, those that have been due for the longest; the same for each account
	leasesAtOnce  = 64  // notices to lease in a cycle for an endpoint of an account that is far behind; other writes wait
	endpointSteps = 256 // endpoints of an account to read in a cycle if more than that is due
)

// choose returns what to lease now. Its cost depends on what is due, not on what is open. If more is due than it reads, some
// account is far behind; then it reads each account's due notices separately, so that no account hides another.
func (w *Worker) choose(ctx context.Context, now time.Time) ([]store.Grant, error) {
	var due []store.Grant
	var err error
	if !w.behind {
		var all bool
		due, all, err = w.Store.DueQueues(ctx, now, dueAtOnce)
		w.behind = !all && err == nil
	}
	if w.behind {
		due, err = w.chooseByAccount(ctx, now)
	}
	if err != nil {
		return nil, err
	}
	byChannel := map[trust.Channel][]store.Grant{}
	for _, g := range due {
		byChannel[g.Queue.Channel] = append(byChannel[g.Queue.Channel], g)
	}
	var grants []store.Grant
	for _, channel := range trust.Channels() {
		grants = append(grants, w.slots[channel].choose(byChannel[channel], now)...)
	}
	return grants, nil
}

// chooseByAccount returns queues of all accounts that have room. If it has seen all that is due, no account is far behind.
func (w *Worker) chooseByAccount(ctx context.Context, now time.Time) ([]store.Grant, error) {
	lines, err := w.Store.DueLines(ctx, now)
	if err != nil {
		return nil, err
	}
	var due []store.Grant
	w.behind = false
	for _, line := range lines {
		if w.slots[line.Channel].accountRoom(line.AccountSID, now) == 0 {
			w.behind = true
			continue
		}
		queues, all, err := w.Store.DueQueuesOf(ctx, line, now, dueAtOnce)
		if err == nil && !all {
			w.behind = true
			queues, err = w.lookFurther(ctx, line, queues, now)
		}
		if err != nil {
			return nil, err
		}
		due = append(due, queues...)
	}
	return due, nil
}

// lookFurther adds queues of an account that is far behind to those that were found. It goes through the account's endpoints in
// turn, so that each gets its share however much is due to others.
func (w *Worker) lookFurther(ctx context.Context, line store.Line, found []store.Grant, now time.Time) ([]store.Grant, error) {
	listed := map[store.Queue]bool{}
	for i := range found {
		listed[found[i].Queue] = true
		found[i].Limit = leasesAtOnce // more may be due than was counted
	}
	endpoints, last, err := w.Store.DueEndpoints(ctx, line, w.cursors[line], endpointSteps, now)
	if err != nil {
		return nil, err
	}
	if last == "" {
		delete(w.cursors, line)
	} else {
		w.cursors[line] = last
	}
	for _, endpoint := range endpoints {
		if q := (store.Queue{AccountSID: line.AccountSID, Channel: line.Channel, Endpoint: endpoint}); !listed[q] {
			found = append(found, store.Grant{Queue: q, Limit: leasesAtOnce})
		}
	}
	return found, nil
}
