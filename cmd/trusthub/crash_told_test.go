package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// crashTold is what a notice tells: one change of a product's status, over one channel.
type crashTold struct {
	channel trust.Channel
	sid     string
	status  trust.Status
}

// changes are those that a product goes through, unless it is a draft.
func (row crashRow) changes() []trust.Status {
	switch {
	case row.status == string(trust.Draft):
		return nil
	case strings.Contains(row.email, "+hold@"):
		return []trust.Status{trust.PendingReview, trust.InReview}
	case strings.Contains(row.email, "+reject-18601@"):
		return []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioRejected}
	}
	return []trust.Status{trust.PendingReview, trust.InReview, trust.TwilioApproved}
}

// told is what a channel is to tell of the product.
func (row crashRow) told(channel trust.Channel) (all []crashTold) {
	for _, status := range row.changes() {
		all = append(all, crashTold{channel, row.sid, status})
	}
	return all
}

// deliveries returns all of them, the oldest first, as the program lists them.
func (run *crashRun) deliveries(t *testing.T) []deliveryRow {
	t.Helper()
	var problem bytes.Buffer
	list := exec.CommandContext(t.Context(), "trusthub", "deliveries", "--db", run.db, "--limit", strconv.Itoa(math.MaxInt32))
	list.Env, list.Stderr = []string{noRace}, &problem
	out, err := list.Output()
	if err != nil {
		t.Fatalf("trusthub deliveries: %v\n%s", err, &problem)
	}
	var all []deliveryRow
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// undelivered returns what a server has to tell until there is nothing left to tell.
func (run *crashRun) undelivered(t *testing.T) (missing []crashTold) {
	t.Helper()
	recorded := map[crashTold]bool{}
	for _, d := range run.deliveries(t) {
		if d.State == store.Delivered {
			recorded[crashTold{d.Channel, d.BundleSID, d.Status}] = true
		}
	}
	for _, row := range readCrashRows(t, run.db) {
		for _, channel := range []trust.Channel{trust.Callback, trust.Email} {
			for _, told := range row.told(channel) {
				if !recorded[told] {
					missing = append(missing, told)
				}
			}
		}
	}
	return missing
}

// crashDelivered counts, to show that the kills met the deliveries.
type crashDelivered struct {
	Products, Changes                int
	Callbacks, Mails                 int // received
	RepeatedCallbacks, RepeatedMails int // of those, received again
	MostRepeated                     int // of one life and channel
}

// verify compares the database, in which nothing is left to do, with what the customer has received.
func (run *crashRun) verify(t *testing.T) crashDelivered {
	t.Helper()
	rows, c := readCrashRows(t, run.db), run.customer
	notices := map[trust.Channel]map[string][]deliveryRow{trust.Callback: {}, trust.Email: {}}
	for _, d := range run.deliveries(t) {
		of := notices[d.Channel]
		of[d.BundleSID] = append(of[d.BundleSID], d)
	}
	for sid, email := range run.created {
		if rows[sid].email != email {
			t.Errorf("the creation of %s for %s was acknowledged, the database has %+v", sid, email, rows[sid])
		}
	}
	for _, sid := range run.submitted {
		if status := rows[sid].status; status == "" || status == string(trust.Draft) {
			t.Errorf("the submission of %s was acknowledged, its status is %q", sid, status)
		}
	}
	tally, told := crashDelivered{Products: len(rows)}, 0
	for sid, row := range rows {
		changes := row.changes()
		if len(changes) > 0 && row.status != string(changes[len(changes)-1]) {
			t.Errorf("%s with %s ended %s", sid, row.email, row.status)
		}
		tally.Changes += len(changes)
		for channel, of := range notices {
			want := row.told(channel)
			if told += len(want); len(of[sid]) != len(want) {
				t.Errorf("%s of %s: %d notices of %d changes", channel, sid, len(of[sid]), len(want))
				continue
			}
			if order := c.first[crashTold{channel: channel, sid: sid}]; !slices.Equal(order, want) {
				t.Errorf("received in the order %v, want %v", order, want)
			}
			for i, d := range of[sid] {
				verifyDelivery(t, d, want[i], c.received[want[i]])
			}
		}
		if t.Failed() {
			t.FailNow() // one product tells enough
		}
	}
	if len(c.received) != told {
		t.Errorf("%d changes were told, want %d", len(c.received), told)
	}
	for told, receptions := range c.received {
		all, again := &tally.Callbacks, &tally.RepeatedCallbacks
		if told.channel == trust.Email {
			all, again = &tally.Mails, &tally.RepeatedMails
		}
		*all += len(receptions)
		*again += len(receptions) - 1
	}
	return tally
}

// verifyDelivery wants a notice to be recorded as delivered once, and to have been received under its own id each time.
func verifyDelivery(t *testing.T, d deliveryRow, want crashTold, received []crashReception) {
	t.Helper()
	if d.Status != want.status || d.State != store.Delivered || len(d.Attempts) != 1 {
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

// verifyLives wants no notice to have been received twice in one life, and no life to have left more behind than it can
// have had on its way.
func (run *crashRun) verifyLives(t *testing.T, tally *crashDelivered) {
	t.Helper()
	type left struct {
		channel trust.Channel
		life    int
	}
	repeated := map[left]int{}
	for told, receptions := range run.customer.received {
		for i, r := range receptions[1:] { // what was received once more was not recorded in the life before
			if receptions[i].life >= r.life {
				t.Errorf("%+v was received twice in life %d: %v", told, r.life, receptions)
			}
			repeated[left{told.channel, receptions[i].life}]++
		}
	}
	for of, n := range repeated {
		tally.MostRepeated = max(tally.MostRepeated, n)
		if n > crashInFlight {
			t.Errorf("of life %d %d notices (%s) were repeated, more than are on their way at a time", of.life, n, of.channel)
		}
	}
}
