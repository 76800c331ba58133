package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

const (
	maxReceptions = 200 // of notices before the kill
	maxInFlight   = 128 // notices that internal/jobs sends to one endpoint at the same time, if it responds quickly
)

// TestCrashDeliveries repeatedly kills servers of one database with SIGKILL during changes and deliveries, and then lets a
// server finish. Every committed change must have been delivered over both channels, in order, and twice only if it was being
// delivered at a kill. TRUSTHUB_CRASH_ROUNDS sets the number of kills.
func TestCrashDeliveries(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		rounds, _ := campaignRounds(t, 3)
		run := newCampaignRun(t, db)
		for range rounds {
			run.submitUntilKilled(t)
			if t.Failed() {
				t.FailNow()
			}
		}
		missing := run.undelivered(t)
		t.Logf("after %d kills %d notices are to be delivered", rounds, len(missing))
		server := run.start(t)
		run.customer.await(t, missing)
		run.stop(t, server)
		tally := run.verify(t)
		run.verifyLives(t, &tally)
		t.Logf("%d kills: %+v", rounds, tally)
		if tally.RepeatedCallbacks+tally.RepeatedMails < rounds {
			t.Error("no notice was repeated, although each kill was during a delivery")
		}
	})
}

// TestNoDuplicatesWithoutACrash expects every notice exactly once from a server that is not killed. If TRUSTHUB_CRASH_ROUNDS is
// set, there are 10,000 callbacks and as many e-mails.
func TestNoDuplicatesWithoutACrash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, db string) {
		products := 540 // of five, one stays on hold after two changes, and four have three: 2.8 a product
		if _, campaign := campaignRounds(t, 0); campaign {
			products = 3600
		}
		run := newCampaignRun(t, db)
		server := run.start(t)
		api := server.api(t)
		var writing sync.WaitGroup
		for range writerCount {
			writing.Go(func() {
				for run.number.Load() < int64(products) && run.submit(t, api) == nil {
				}
			})
		}
		writing.Wait()
		if len(run.submitted) < products {
			t.Fatalf("%d products were submitted, of %d", len(run.submitted), products)
		}
		run.customer.await(t, run.undelivered(t))
		run.stop(t, server)
		tally := run.verify(t)
		run.verifyLives(t, &tally)
		t.Logf("%+v", tally)
	})
}

// campaignRun has the servers of one database, which run in sequence or concurrently, and their customer.
type campaignRun struct {
	db       string
	customer *customer
	number   atomic.Int64 // of the last product

	mu        sync.Mutex
	created   map[string]string // e-mail addresses of the bundles whose creation was acknowledged, by SID
	submitted []string          // SIDs of the bundles whose submission was acknowledged
}

func newCampaignRun(t *testing.T, db string) *campaignRun {
	t.Helper()
	return &campaignRun{db: db, customer: newCustomer(t), created: map[string]string{}}
}

// flags returns the flags of a server that delivers to the customer over both channels.
func (run *campaignRun) flags() []string {
	return []string{
		"--review", "auto", "--review-delay", "20ms", "--lease", leaseTime.String(), "--max-mails-per-hour", "0", "--max-open-notices", "0",
		"--smtp", "smtp://" + run.customer.mails.Addr().String(), "--mail-from", "hub@trusthub.example",
	}
}

func (run *campaignRun) start(t *testing.T) *instance {
	t.Helper()
	return startInstance(t, run.db, run.flags()...)
}

// stop ends the server with SIGTERM, and the customer's current life.
func (run *campaignRun) stop(t *testing.T, server *instance) {
	t.Helper()
	server.terminate(t)
	run.customer.outlive(t)
}

// submitUntilKilled starts a server and creates and submits products until the customer kills it.
func (run *campaignRun) submitUntilKilled(t *testing.T) {
	t.Helper()
	server := run.start(t)
	run.customer.killAfter(1+rand.IntN(maxReceptions), server.signalKill)
	api := server.api(t)
	var writing sync.WaitGroup
	for range writerCount {
		writing.Go(func() {
			for run.submit(t, api) == nil {
			}
		})
	}
	writing.Wait()
	server.end(t)
	run.customer.outlive(t)
	if t.Failed() {
		t.Logf("the server's log:\n%s", server.Stderr())
	}
}

// submit creates a product and submits it. Only a killed server may leave a request without a response.
func (run *campaignRun) submit(t *testing.T, api *client.Client) error {
	t.Helper()
	number := run.number.Add(1)
	sid, err := run.create(t.Context(), api, number)
	if err == nil {
		_, err = api.UpdateTrustProduct(t.Context(), sid, client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
	}
	if refused, ok := errors.AsType[*client.Error](err); ok {
		t.Errorf("product %d: %v", number, refused)
	}
	if err == nil {
		run.noteSubmitted(sid)
	}
	return err
}

// create creates the product with this number, whose e-mail address selects the result of its review. It can be repeated.
func (run *campaignRun) create(ctx context.Context, api *client.Client, number int64) (sid string, err error) {
	tag := [...]string{"", "+reject-18601", "", "+hold", ""}[number%5]
	email := fmt.Sprintf("n%d%s@acme.example", number, tag)
	product, err := api.CreateTrustProduct(ctx, client.CreateTrustProductRequest{
		FriendlyName: "Acme", Email: email, PolicySID: policySID,
		StatusCallback: new(run.customer.url + "/status?number=" + strconv.FormatInt(number, 10)),
	}, client.WithIdempotencyKey(strconv.FormatInt(number, 10)))
	if err != nil {
		return "", err
	}
	run.noteCreated(product.SID, email)
	return product.SID, nil
}

func (run *campaignRun) noteCreated(sid, email string) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.created[sid] = email
}

func (run *campaignRun) noteSubmitted(sid string) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.submitted = append(run.submitted, sid)
}
