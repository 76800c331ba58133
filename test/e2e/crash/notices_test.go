package crash_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

// The channels, and the state of a notice that has been received, as `trusthub deliveries` prints them.
const (
	byCallback = "callback"
	byEmail    = "email"
	delivered  = "delivered"
)

// statusChange is what a notice reports: one change of a product's status, over one channel.
type statusChange struct {
	channel string
	sid     string
	status  client.BundleStatus
}

// changes returns the statuses of a submitted product, in order.
func (row productRow) changes() []client.BundleStatus {
	switch {
	case row.status == string(client.BundleStatusDraft):
		return nil
	case strings.Contains(row.email, "+hold@"):
		return []client.BundleStatus{client.BundleStatusPendingReview, client.BundleStatusInReview}
	case strings.Contains(row.email, "+reject-18601@"):
		return []client.BundleStatus{client.BundleStatusPendingReview, client.BundleStatusInReview, client.BundleStatusTwilioRejected}
	}
	return []client.BundleStatus{client.BundleStatusPendingReview, client.BundleStatusInReview, client.BundleStatusTwilioApproved}
}

// told returns the changes of a product that a channel must deliver.
func (row productRow) told(channel string) (all []statusChange) {
	for _, status := range row.changes() {
		all = append(all, statusChange{channel, row.sid, status})
	}
	return all
}

// delivery is the part of a line of `trusthub deliveries` that the tests use.
type delivery struct {
	ID        string              `json:"id"`
	Channel   string              `json:"channel"`
	BundleSID string              `json:"bundle_sid"`
	Status    client.BundleStatus `json:"status"`
	State     string              `json:"state"`
	Attempts  []struct{}          `json:"attempts"`
}

// deliveries returns all deliveries as the program lists them, oldest first.
func (run *campaignRun) deliveries(t *testing.T) []delivery {
	t.Helper()
	list := programtest.Start(t, programtest.Command{
		Path: program, Args: []string{"deliveries", "--db", run.db, "--limit", strconv.Itoa(math.MaxInt32)},
		Env: []string{"GORACE=atexit_sleep_ms=0"},
	})
	if err := list.Wait(); err != nil {
		t.Fatalf("trusthub deliveries: %v\n%s", err, list.Stderr())
	}
	var all []delivery
	if err := json.Unmarshal([]byte(list.Stdout()), &all); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// undelivered returns the notices that a server must still deliver.
func (run *campaignRun) undelivered(t *testing.T) (missing []statusChange) {
	t.Helper()
	recorded := map[statusChange]bool{}
	for _, d := range run.deliveries(t) {
		if d.State == delivered {
			recorded[statusChange{d.Channel, d.BundleSID, d.Status}] = true
		}
	}
	for _, row := range readRows(t, run.db) {
		for _, channel := range []string{byCallback, byEmail} {
			for _, told := range row.told(channel) {
				if !recorded[told] {
					missing = append(missing, told)
				}
			}
		}
	}
	return missing
}

// deliveryTally counts receptions to show that the kills happened during deliveries.
type deliveryTally struct {
	Products, Changes                int
	Callbacks, Mails                 int // received
	RepeatedCallbacks, RepeatedMails int // of those, received again
	MostRepeated                     int // of one life and channel
}

// verify compares the database, after all work is done, with what the customer has received.
func (run *campaignRun) verify(t *testing.T) deliveryTally {
	t.Helper()
	rows, c, histories := readRows(t, run.db), run.customer, readHistories(t, run.db)
	notices := map[string]map[string][]delivery{byCallback: {}, byEmail: {}}
	for _, d := range run.deliveries(t) {
		of := notices[d.Channel]
		of[d.BundleSID] = append(of[d.BundleSID], d)
	}
	for sid, email := range run.created {
		if rows[sid].email != email {
			t.Errorf("the create of %s for %s was acknowledged, but the database has %+v", sid, email, rows[sid])
		}
	}
	for _, sid := range run.submitted {
		if status := rows[sid].status; status == "" || status == string(client.BundleStatusDraft) {
			t.Errorf("the submission of %s was acknowledged, but its status is %q", sid, status)
		}
	}
	tally, told := deliveryTally{Products: len(rows)}, 0
	for sid, row := range rows {
		changes := row.changes()
		if len(changes) > 0 && row.status != string(changes[len(changes)-1]) {
			t.Errorf("%s with %s ended %s", sid, row.email, row.status)
		}
		tally.Changes += len(changes)
		verifyStatusEvents(t, sid, histories[sid], changes)
		for channel, of := range notices {
			want := row.told(channel)
			if told += len(want); len(of[sid]) != len(want) {
				t.Errorf("%s of %s: %d notices of %d changes", channel, sid, len(of[sid]), len(want))
				continue
			}
			if order := c.first[statusChange{channel: channel, sid: sid}]; !slices.Equal(order, want) {
				t.Errorf("received in the order %v, want %v", order, want)
			}
			for i, d := range of[sid] {
				verifyDelivery(t, d, want[i], c.received[want[i]])
			}
		}
		if t.Failed() {
			t.FailNow() // one product is enough
		}
	}
	if len(c.received) != told {
		t.Errorf("%d changes were received, want %d", len(c.received), told)
	}
	for told, receptions := range c.received {
		all, again := &tally.Callbacks, &tally.RepeatedCallbacks
		if told.channel == byEmail {
			all, again = &tally.Mails, &tally.RepeatedMails
		}
		*all += len(receptions)
		*again += len(receptions) - 1
	}
	return tally
}

// verifyStatusEvents expects a history to have the changes of the status, each once and by the right actor.
func verifyStatusEvents(t *testing.T, sid string, history []eventRow, changes []client.BundleStatus) {
	t.Helper()
	status := client.BundleStatusDraft
	var got []client.BundleStatus
	for _, e := range history {
		if e.to == "" { // other events are of what was assigned and evaluated
			continue
		}
		submitted := e.to == string(client.BundleStatusPendingReview)
		actor := reviewer
		if submitted {
			actor = accountHolder
		}
		if e.kind != updated || e.from != string(status) || e.actor != actor || (e.request != "") != submitted {
			t.Errorf("%s was %s, and then has the event %+v", sid, status, e)
		}
		status = client.BundleStatus(e.to)
		got = append(got, status)
	}
	if !slices.Equal(got, changes) {
		t.Errorf("the history of %s has %v, want %v", sid, got, changes)
	}
}

// verifyDelivery expects a notice to be recorded as delivered once, and to have been received under its own id each time.
func verifyDelivery(t *testing.T, d delivery, want statusChange, received []reception) {
	t.Helper()
	if d.Status != want.status || d.State != delivered || len(d.Attempts) != 1 {
		t.Errorf("%+v is recorded as %+v", want, d)
	}
	if len(received) == 0 {
		t.Errorf("%+v was never received", want)
	}
	for _, r := range received {
		if r.token != d.ID {
			t.Errorf("%+v was received as %s, want %s", want, r.token, d.ID)
		}
	}
}

// verifyLives expects that no notice was received twice in one life of the server, and that no life left more notices to repeat
// than it can have been sending.
func (run *campaignRun) verifyLives(t *testing.T, tally *deliveryTally) {
	t.Helper()
	type left struct {
		channel string
		life    int
	}
	repeated := map[left]int{}
	for told, receptions := range run.customer.received {
		for i, r := range receptions[1:] { // a notice is repeated only if the previous life did not record it
			if receptions[i].life >= r.life {
				t.Errorf("%+v was received twice in life %d: %v", told, r.life, receptions)
			}
			repeated[left{told.channel, receptions[i].life}]++
		}
	}
	for of, n := range repeated {
		tally.MostRepeated = max(tally.MostRepeated, n)
		if n > maxInFlight {
			t.Errorf("life %d: %d notices (%s) were repeated, more than are sent at the same time", of.life, n, of.channel)
		}
	}
}
