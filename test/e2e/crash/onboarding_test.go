package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestOnboarding has many programs onboard businesses at the same time. At the end every business must be approved and complete,
// nothing may be stored twice or belong to nothing, and every change must have been delivered exactly once.
//
// TRUSTHUB_ONBOARD is the number of programs, and of the businesses of each: 100 makes 10,000 businesses.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	o := startOnboarding(t, filepath.Join(t.TempDir(), "onboarding.db"), 1, 0)
	<-o.ended
	server := o.servers[0].Load()
	tally := o.finish(t)
	o.run.verifyLives(t, &tally)
	t.Logf("%v, and %v of the server's CPU: %+v", o, o.each(server.CPU()), tally)
}

// TestOnboardingWhileServersDie is TestOnboarding with three servers, of which one is killed every second. A notice that was being
// delivered then may be delivered again, with the same token.
//
// It takes leaseTime longer, until the leases of the last killed server have ended.
func TestOnboardingWhileServersDie(t *testing.T) {
	t.Parallel()
	pause, leastKills, mostKills := 200*time.Millisecond, 2, 2
	if _, _, campaign := onboardingSize(t); campaign {
		pause, leastKills, mostKills = time.Second, 10, math.MaxInt
	}
	o := startOnboarding(t, pgtest.NewDurable(t), 3, leastKills)
	each := time.NewTicker(pause)
	defer each.Stop()
	for o.kills.Load() < int64(mostKills) {
		select {
		case <-each.C:
			o.killOne(t)
			o.kills.Add(1)
			continue
		case <-o.ended:
		}
		break
	}
	<-o.ended
	tally := o.finish(t)
	leases := o.verifyKills(t, tally)
	storetest.UseSQL(t, o.run.db, func(db *sql.DB) { storetest.WantNoDeadlocks(t, db) })
	t.Logf("%v; %d kills, %d submissions without a response: %+v, %+v", o, o.kills.Load(), o.unknown.Load(), tally, leases)
}

// onboardingSize returns the number of programs and of the businesses of each.
func onboardingSize(t *testing.T) (programs, businesses int, campaign bool) {
	t.Helper()
	if n, set := campaignSize(t, "TRUSTHUB_ONBOARD"); set {
		return n, n, true
	}
	return 4, 2, false
}

// onboarding is programs that onboard businesses with the same servers.
type onboarding struct {
	*fleet
	kills, unknown atomic.Int64 // kills of servers, and submissions that got no response
	traffic        traffic
	began          time.Time
	took           time.Duration // set before ended is closed
	ended          chan struct{} // closed when all programs have ended

	mu         sync.Mutex
	businesses []*business
}

// startOnboarding starts servers and then the programs, which go on until there have been enough kills.
func startOnboarding(t *testing.T, db string, servers, leastKills int) *onboarding {
	t.Helper()
	programs, businesses, _ := onboardingSize(t)
	o := &onboarding{fleet: startFleet(t, newCampaignRun(t, db), servers), began: time.Now(), ended: make(chan struct{})}
	var running sync.WaitGroup
	for i := range programs {
		p := o.newOnboarder(t)
		p.polls = i%2 == 1
		running.Go(func() {
			for n := 0; (n < businesses || o.kills.Load() < int64(leastKills)) && !t.Failed(); n++ {
				b, err := p.onboard(t.Context(), o.run.number.Add(1))
				if err != nil {
					t.Error(err)
					return
				}
				o.mu.Lock()
				o.businesses = append(o.businesses, b)
				o.mu.Unlock()
			}
		})
	}
	go func() {
		running.Wait()
		o.took = time.Since(o.began)
		close(o.ended)
	}()
	t.Cleanup(func() { <-o.ended }) // if the test has not waited; t.Context has ended by then, and with it all requests
	return o
}

// newOnboarder returns a program with connections of its own. Its client retries as it does by default.
func (o *onboarding) newOnboarder(t *testing.T) onboarder {
	t.Helper()
	transport := &http.Transport{DialContext: o.dial}
	t.Cleanup(transport.CloseIdleConnections)
	api, err := client.New(client.WithBaseURL("http://trusthub.example"),
		client.WithCredentials(programtest.AccountSID, programtest.AuthToken),
		client.WithHTTPClient(&http.Client{Transport: o.traffic.count(t, transport), Timeout: 30 * time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	p := onboarder{run: o.run, api: api, unknown: &o.unknown}
	primaries := client.ListCustomerProfileRequest{PolicySID: new(primaryPolicySID)}
	for primary, err := range api.ListCustomerProfile(t.Context(), primaries) {
		if err != nil {
			t.Fatal(err)
		}
		p.primary = primary.SID
	}
	return p
}

// each returns the part of a time that one business took.
func (o *onboarding) each(d time.Duration) time.Duration {
	return (d / time.Duration(max(1, len(o.businesses)))).Round(10 * time.Microsecond)
}

// String says how much the programs did in which time, for the log.
func (o *onboarding) String() string {
	requests := o.traffic.requests()
	return fmt.Sprintf("%d businesses in %v, %d requests (%.0f/s; responses by status, 0 for none: %v); for each %.1f requests",
		len(o.businesses), o.took.Round(time.Millisecond), requests, float64(requests)/o.took.Seconds(), o.traffic.statuses,
		float64(requests)/float64(max(1, len(o.businesses))))
}

// finish verifies the businesses, lets the servers finish all the work, and verifies what they have stored and delivered.
func (o *onboarding) finish(t *testing.T) deliveryTally {
	t.Helper()
	if t.Failed() {
		t.FailNow()
	}
	o.verifyBusinesses(t)
	o.fleet.finish(t)
	tally := o.run.verify(t)
	o.run.verifyCreatedOnce(t)
	storetest.UseSQL(t, o.run.db, func(db *sql.DB) {
		storetest.WantWholeContents(t, db)
		o.verifyCounts(t, db)
	})
	return tally
}

// verifyBusinesses expects by the API that each bundle is approved, and that exactly the right objects are assigned to each.
func (o *onboarding) verifyBusinesses(t *testing.T) {
	t.Helper()
	api := o.servers[0].Load().client
	status := map[string]client.BundleStatus{}
	for profile, err := range api.ListCustomerProfile(t.Context(), client.ListCustomerProfileRequest{PageSize: new(int64(1000))}) {
		if err != nil {
			t.Fatal(err)
		}
		status[profile.SID] = profile.Status
	}
	for product, err := range api.ListTrustProduct(t.Context(), client.ListTrustProductRequest{PageSize: new(int64(1000))}) {
		if err != nil {
			t.Fatal(err)
		}
		status[product.SID] = product.Status
	}
	for _, b := range o.businesses {
		for _, sid := range []string{b.profile, b.product} {
			if status[sid] != client.BundleStatusTwilioApproved {
				t.Errorf("%s of business %d is %q", sid, b.number, status[sid])
			}
		}
		if err := b.complete(t.Context(), api); err != nil {
			t.Fatalf("business %d: %v", b.number, err)
		}
	}
	if want := 2*len(o.businesses) + 1; len(status) != want {
		t.Errorf("the lists have %d bundles, want %d", len(status), want)
	}
}

// verifyCounts expects as many rows as the businesses need and no more: whatever was repeated has been stored once, and every
// object is assigned.
func (o *onboarding) verifyCounts(t *testing.T, db *sql.DB) {
	t.Helper()
	for query, each := range map[string]int{
		`SELECT COUNT(*) - 1 FROM bundles WHERE status = 'twilio-approved'`:                               2, // without the Primary
		`SELECT COUNT(*) - 1 FROM bundles`:                                                                2,
		`SELECT COUNT(*) FROM end_users`:                                                                  3,
		`SELECT COUNT(*) FROM supporting_documents`:                                                       1,
		`SELECT COUNT(*) FROM assignments`:                                                                6,
		`SELECT COUNT(*) FROM channel_endpoints`:                                                          1,
		`SELECT COUNT(*) FROM evaluations WHERE status = 'compliant'`:                                     2,
		`SELECT COUNT(*) FROM evaluations`:                                                                2,
		`SELECT COUNT(*) FROM notices`:                                                                    12, // of three changes of two bundles over two channels
		`SELECT COUNT(*) FROM end_users WHERE sid NOT IN (SELECT object_sid FROM assignments)`:            0,
		`SELECT COUNT(*) FROM supporting_documents WHERE sid NOT IN (SELECT object_sid FROM assignments)`: 0,
	} {
		if got, want := queryCount(t, db, query), each*len(o.businesses); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

// complete returns an error unless exactly what the program assigned is assigned to the business's bundles.
func (b *business) complete(ctx context.Context, api *client.Client) error {
	var ofProfile, ofProduct, numbers []string
	for a, err := range api.ListCustomerProfileEntityAssignment(ctx, b.profile, client.ListCustomerProfileEntityAssignmentRequest{}) {
		if err != nil {
			return err
		}
		ofProfile = append(ofProfile, a.ObjectSID)
	}
	for a, err := range api.ListTrustProductEntityAssignment(ctx, b.product, client.ListTrustProductEntityAssignmentRequest{}) {
		if err != nil {
			return err
		}
		ofProduct = append(ofProduct, a.ObjectSID)
	}
	for a, err := range api.ListCustomerProfileChannelEndpointAssignment(ctx, b.profile, client.ListCustomerProfileChannelEndpointAssignmentRequest{}) {
		if err != nil {
			return err
		}
		numbers = append(numbers, a.ChannelEndpointSID)
	}
	for _, c := range []struct{ got, want []string }{
		{ofProfile, b.ofProfile}, {ofProduct, b.ofProduct}, {numbers, []string{b.phoneNumber}},
	} {
		slices.Sort(c.got)
		slices.Sort(c.want)
		if !slices.Equal(c.got, c.want) {
			return fmt.Errorf("assigned are %v, want %v", c.got, c.want)
		}
	}
	return nil
}
