package jobs

import (
	"context"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

const (
	dueAtOnce     = 128 // notices to look at in a cycle, those that have been due for the longest
	endpointSteps = 256 // endpoints of an account to look at in a cycle, where more is due than that
)

// cursor says where the last look at an account's endpoints ended.
type cursor struct {
	accountSID string
	channel    trust.Channel
}

// choose returns what to lease now. It reads what is due and not what is open: only where more is due than it can look at, some
// account is far behind, and then it also looks at some endpoints of each account in turn.
func (w *Worker) choose(ctx context.Context, now time.Time) ([]store.Grant, error) {
	due, all, err := w.Store.DueQueues(ctx, now, dueAtOnce)
	if err != nil {
		return nil, err
	}
	if !all {
		if due, err = w.lookFurther(ctx, due, now); err != nil {
			return nil, err
		}
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

// lookFurther adds queues of all accounts that have room to those that have been found.
func (w *Worker) lookFurther(ctx context.Context, found []store.Grant, now time.Time) ([]store.Grant, error) {
	accounts, err := w.Store.AccountsWithNotices(ctx)
	if err != nil {
		return nil, err
	}
	known := map[store.Queue]bool{}
	for i := range found {
		known[found[i].Queue] = true
		found[i].Limit = perEndpoint // more may be due than was counted
	}
	for _, account := range accounts {
		for _, channel := range trust.Channels() {
			if w.slots[channel].accountRoom(account, now) == 0 {
				continue
			}
			at := cursor{account, channel}
			endpoints, last, err := w.Store.DueEndpoints(ctx, account, channel, w.cursors[at], endpointSteps, now)
			if err != nil {
				return nil, err
			}
			if last == "" {
				delete(w.cursors, at)
			} else {
				w.cursors[at] = last
			}
			for _, endpoint := range endpoints {
				if q := (store.Queue{AccountSID: account, Channel: channel, Endpoint: endpoint}); !known[q] {
					found = append(found, store.Grant{Queue: q, Limit: perEndpoint})
				}
			}
		}
	}
	return found, nil
}
