package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	mixedGoal       = 25 * time.Millisecond
	flatGoal        = 1.15 // memory at the end, of that after the first fifth
	mixedShare      = 0.7  // of the capacity
	mixedReview     = 2 * time.Second
	capacityRounds  = 6   // how long the capacity is measured, in rounds
	mixedConnection = 256 // connections of the open loop: more than are ever busy at once
	mixedParts      = 5   // of the time, which the rows show one by one
	settleLimit     = 2 * time.Minute
)

// mix is a load in the proportions of real use: 60 % fetches and lists, 25 % creates, 15 % updates and submissions. A submitted
// product is reviewed by the program, so each of its three changes has a callback and an e-mail to be sent.
type mix struct {
	edited    []string // products that are fetched and updated
	submitted []string // each once
	next      atomic.Int64
	callback  string
}

func newMix(sids []string, callback string) *mix {
	edited := len(sids) / 10
	return &mix{edited: sids[:edited], submitted: sids[edited:], callback: url.QueryEscape(callback)}
}

// request appends a random request. When all products have been submitted, it updates one instead: see exhausted.
func (m *mix) request(buffer []byte, number int) []byte {
	const products = "/v1/TrustProducts"
	switch n := rand.IntN(100); { //nolint:gosec // G404: nothing secret
	case n < 50:
		return append(buffer, get(products+"/"+oneOf(m.edited))...)
	case n < 60:
		return append(buffer, get(products)...)
	case n < 85:
		return append(buffer, post(products, createForm)...)
	case n < 95:
		break
	default:
		if next := int(m.next.Add(1) - 1); next < len(m.submitted) {
			return append(buffer, post(products+"/"+m.submitted[next], "Status=pending-review&StatusCallback="+m.callback)...)
		}
	}
	return append(buffer, post(products+"/"+oneOf(m.edited), "FriendlyName=Acme+"+strconv.Itoa(number))...)
}

func (m *mix) exhausted() bool { return int(m.next.Load()) > len(m.submitted) }

// mixed is figure 12: the program at 70 % of its capacity on the large database, for a long time.
func (b *bench) mixed(ctx context.Context) (_ []row, err error) {
	full, err := b.filled()
	if err != nil {
		return nil, err
	}
	receiver, err := receive(ctx)
	if err != nil {
		return nil, err
	}
	defer receiver.halt()
	mails, err := receiveMail(ctx)
	if err != nil {
		return nil, err
	}
	defer mails.halt()
	sids, err := someProducts(ctx, full.database, full.products/3)
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, full.database, "--smtp", "smtp://"+mails.address, "--review-delay", mixedReview.String(),
		"--max-objects", "0", "--max-open-notices", "0", "--max-mails-per-hour", "0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	m := newMix(sids, receiver.url())
	capacity, err := b.capacity(ctx, full.database, load{address: p.address, connections: b.Connections, request: m.request})
	if err != nil {
		return nil, err
	}
	b.say("%s/s of mixed requests for %v, %.0f %% of the capacity", thousands(capacity*mixedShare), b.Mixed, mixedShare*100)
	called, mailed := receiver.arrived.Load(), mails.arrived.Load()
	seen := b.watch(ctx, p, full.database)
	open := load{address: p.address, connections: mixedConnection, request: m.request}
	latencies, err := open.atRate(ctx, time.Now(), capacity*mixedShare, b.Mixed)
	watched := seen()
	if err == nil && m.exhausted() {
		err = errors.New("the database has too few products to submit for so long")
	}
	if err != nil {
		return nil, err
	}
	left, err := count(ctx, full.database, openNotices)
	deliveries := row{
		what: "its deliveries", reached: fmt.Sprintf("%s callbacks, %s e-mails, %s open at the end",
			thousands(int(receiver.arrived.Load()-called)), thousands(int(mails.arrived.Load()-mailed)), thousands(left)),
	}
	return []row{
		latencyRow(latencies, capacity, full.products, b.Mixed), watched.undisturbedRow(latencies), overTime(latencies),
		watched.takenRow(), watched.memoryRow(), watched.logRow(), deliveries,
	}, err
}

// capacity returns how many requests a second the program serves in a closed loop, if it must also deliver what they cause: the
// time includes that until the last delivery, but for the two seconds that the last review waits. The start, with cold caches, is
// part of it.
func (b *bench) capacity(ctx context.Context, database string, closed load) (float64, error) {
	b.say("capacity at %d connections", b.Connections)
	done, err := closed.lasting(ctx, capacityRounds*b.Round)
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	err = poll(ctx, func() (bool, error) {
		reviews, err := count(ctx, database, `bundles WHERE due_at > 0 AND status IN ('pending-review', 'in-review')`)
		if err != nil || reviews > 0 {
			return false, err
		}
		notices, err := count(ctx, database, openNotices)
		return notices == 0, err
	})
	if err != nil {
		return 0, fmt.Errorf("the deliveries have not ended after %v: %w", settleLimit, err)
	}
	behind := max(0, time.Since(ended)-mixedReview)
	b.say("%s/s of mixed requests; their deliveries took %s longer", thousands(done.perSecond()), short(behind))
	return float64(len(done.latencies)) / (done.elapsed + behind).Seconds(), nil
}

// openNotices are the callbacks and e-mails that have not been delivered.
const openNotices = `notices WHERE account_sid = '` + accountSID + `' AND ended_at = 0`

// count counts rows of the database, beside the program.
func count(ctx context.Context, database, rows string) (n int, err error) {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+rows).Scan(&n)
	return n, err
}

func latencyRow(latencies []time.Duration, capacity float64, products int, took time.Duration) row {
	all := append([]time.Duration(nil), latencies...) // in their order for overTime
	tail := quantile(all, 0.99)
	return row{
		number: "12",
		what:   fmt.Sprintf("mixed load for %v at 70 %% of capacity, %s products: p99", took, thousands(products)),
		reached: fmt.Sprintf("%s (median %s, p99.9 %s, maximum %s), %s/s of %s/s", short(tail), short(quantile(all, 0.5)),
			short(quantile(all, 0.999)), short(quantile(all, 1)), thousands(capacity*mixedShare), thousands(capacity)),
		goal: "at most " + short(mixedGoal), verdict: judge(tail <= mixedGoal),
	}
}
