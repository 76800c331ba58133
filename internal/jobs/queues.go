package jobs

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	dueAtOnce     = 64  // notices to look at in a cycle, those that have been due for the longest; as many of each account
	endpointSteps = 256 // endpoints of an account to look at in a cycle, where more is due to them than that
)

// choose returns what to lease now. It reads what is due and not what is open. Where more is due than it looks at, some account
// is far behind; then it looks at each account with something due by itself, so that none hides another.
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

// chooseByAccount returns queues of all accounts that have room. Where it has seen all that is due, no account is far behind.
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

// lookFurther adds queues of an account that is far behind to those that were found: some of its endpoints in turn, so that each
// gets its share however much is due to others.
func (w *Worker) lookFurther(ctx context.Context, line store.Line, found []store.Grant, now time.Time) ([]store.Grant, error) {
	listed := map[store.Queue]bool{}
	for i := range found {
		listed[found[i].Queue] = true
		found[i].Limit = perEndpoint // more may be due than was counted
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
			found = append(found, store.Grant{Queue: q, Limit: perEndpoint})
		}
	}
	return found, nil
}
