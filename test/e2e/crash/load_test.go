package crash_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

const (
	clientCount = 6
	retryPause  = 20 * time.Millisecond // before a client tries again
)

// clientLoad is the clients that create and submit products, each request at another server. Without a response they try again
// with the next server.
type clientLoad struct {
	*fleet

	// excused reports whether a request that began at that time may fail with that error.
	excused func(s *peer, began time.Time, err error) bool

	stopping atomic.Bool
	running  sync.WaitGroup
	failed   atomic.Int64 // requests that were excused
	kept     atomic.Int64 // of those, submissions that were stored nevertheless
}

// startLoad starts servers and then the clients.
func startLoad(t *testing.T, run *campaignRun, servers int, excused func(*peer, time.Time, error) bool) *clientLoad {
	t.Helper()
	load := &clientLoad{fleet: startFleet(t, run, servers), excused: excused}
	t.Cleanup(load.stop) // if the test has not; t.Context has ended by then, and with it all requests
	for at := range clientCount {
		load.running.Go(func() {
			for !load.stopping.Load() && load.submit(t, &at) {
			}
		})
	}
	return load
}

// stop lets the clients finish the products that they have begun.
func (l *clientLoad) stop() {
	l.stopping.Store(true)
	l.running.Wait()
}

// submit creates and submits a product. It returns false if the test ends first.
func (l *clientLoad) submit(t *testing.T, at *int) bool {
	t.Helper()
	ctx, number := t.Context(), l.run.number.Add(1)
	var sid string
	created := l.until(t, at, func(api *client.Client) (err error) {
		sid, err = l.run.create(ctx, api, number)
		return err
	})
	again := false
	submitted := created && l.until(t, at, func(api *client.Client) error {
		if again {
			// Was the try without a response stored? Submitting a rejected product again would begin a second review. An update
			// without changes returns the status, and waits for an open transaction.
			product, err := api.UpdateTrustProduct(ctx, sid, client.UpdateTrustProductRequest{})
			if err != nil {
				return err
			}
			if product.Status != client.BundleStatusDraft {
				l.kept.Add(1)
				return nil
			}
		}
		again = true
		_, err := api.UpdateTrustProduct(ctx, sid, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
		return err
	})
	if submitted {
		l.run.noteSubmitted(sid)
	}
	return submitted
}

// until sends a request to one server after the other until it succeeds. It returns false if the test ends first, or if a
// request fails that must not fail.
func (l *clientLoad) until(t *testing.T, at *int, request func(*client.Client) error) bool {
	t.Helper()
	pause := time.NewTicker(retryPause)
	defer pause.Stop()
	for {
		*at++
		s := l.servers[*at%len(l.servers)].Load()
		began := time.Now()
		err := request(s.client)
		if err == nil {
			return true
		}
		if t.Context().Err() != nil {
			return false
		}
		if !l.excused(s, began, err) {
			t.Errorf("%s: %v", s.name, err)
			return false
		}
		l.failed.Add(1)
		select {
		case <-pause.C:
		case <-t.Context().Done():
			return false
		}
	}
}

// finish ends the load, lets the servers finish all the work, and stops them.
func (l *clientLoad) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.fleet.finish(t)
}
