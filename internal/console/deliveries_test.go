package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// noID is an id of a delivery that does not exist.
const noID = "ND00000000000000000000000000000001"

// notify has a bundle rejected, which is to be told over a channel to a target.
func notify(t testing.TB, db *store.Store, channel trust.Channel, target string) {
	t.Helper()
	if _, err := db.ReviewBundle(t.Context(), productSID, func(b trust.Bundle) (trust.Outcome, error) {
		b.Status = trust.TwilioRejected
		return trust.Outcome{Bundle: b, Changed: true, Notices: []trust.Notice{{
			Channel: channel, Target: target, AccountSID: accountSID, BundleSID: b.SID, BundleKind: b.Kind,
			FriendlyName: b.FriendlyName, Status: b.Status, Errors: []int{18601}, Created: at,
		}}}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// attemptAll makes an attempt at what is due, with an answer, after which it is dead.
func attemptAll(t testing.TB, db *store.Store, answer string) {
	t.Helper()
	now := at.Add(time.Hour)
	due, _, err := db.DueQueues(t.Context(), now, 100)
	if err != nil {
		t.Fatal(err)
	}
	leases, _, err := db.RecordAndLease(t.Context(), nil, due, now, time.Hour)
	if err != nil || len(leases) == 0 {
		t.Fatalf("%d leases, %v", len(leases), err)
	}
	for _, l := range leases {
		made := trust.Attempt{Started: now, Verdict: trust.Refused, StatusCode: http.StatusGone, Answer: answer, Error: answer}
		if err := db.Record(t.Context(), store.Report{Lease: l, Attempt: made, State: store.Dead}, now); err != nil {
			t.Fatal(err)
		}
	}
}

// onlyDelivery returns the only delivery.
func onlyDelivery(t *testing.T, db *store.Store) store.Delivery {
	t.Helper()
	all, err := db.Deliveries(t.Context(), store.DeliveryFilter{Limit: 2})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d deliveries, %v", len(all), err)
	}
	return all[0]
}

// TestDelivery drops, replays and shows a delivery, and what its receiver answered is text.
func TestDelivery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, markup, "")
		notify(t, db, trust.Callback, "https://example.com/")
		id := onlyDelivery(t, db).Notice.ID
		s, path := loggedIn(t, db), "/console/deliveries/"+id
		wantState := func(when string, want store.State) {
			t.Helper()
			if got := onlyDelivery(t, db).State; got != want {
				t.Errorf("%s it is %s, want %s", when, got, want)
			}
		}
		stranger := newSite(t, db)
		wantStatus(t, "dropping without a session", stranger.send(t, "POST", path+"/drop", ""), http.StatusSeeOther, "/console/login")
		wantState("before", store.Ready)
		wantStatus(t, "dropping", s.send(t, "POST", path+"/drop", ""), http.StatusSeeOther, path+"?done=dropped")
		wantState("dropped", store.Dropped)
		again := s.send(t, "POST", path+"/drop", "")
		wantStatus(t, "dropping again", again, http.StatusConflict, "")
		if text := again.Body.String(); !strings.Contains(text, "The delivery has already ended.") {
			t.Errorf("dropping again: %s", text)
		}
		fromList := url.Values{"filter": {"state=dropped&x=y"}}.Encode()
		wantStatus(t, "replaying", s.send(t, "POST", path+"/replay", fromList), http.StatusSeeOther,
			"/console/deliveries?state=dropped&done=queued")
		wantState("replayed", store.Ready)
		attemptAll(t, db, markup)
		for _, list := range []string{"/console/deliveries", path} {
			text := s.send(t, "GET", list, "").Body.String()
			wantHTML(t, list, text)
			for _, want := range []string{html.EscapeString(markup), ">dead<", "410", path + "/replay"} {
				if !strings.Contains(strings.ReplaceAll(text, "</svg>", ">"), want) {
					t.Errorf("%s: no %s in %s", list, want, text)
				}
			}
			if strings.Contains(text, "<img") || strings.Contains(text, path+"/drop") {
				t.Errorf("%s has the markup of a receiver, or drops what has ended: %s", list, text)
			}
		}
		wantStatus(t, "an unknown delivery", s.send(t, "POST", "/console/deliveries/"+noID+"/replay", ""), http.StatusNotFound, "")
		wantStatus(t, "no delivery", s.send(t, "POST", "/console/deliveries/x%00/replay", ""), http.StatusNotFound, "")
	})
}

// TestDeliveriesFilter: dead ones are shown first, and the filter is in the URL.
func TestDeliveriesFilter(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	addBundle(t, db, "Acme", "")
	notify(t, db, trust.Callback, "https://example.com/")
	attemptAll(t, db, "no")
	dead := onlyDelivery(t, db).Notice.ID
	notify(t, db, trust.Email, "a@acme.example")
	s := loggedIn(t, db)
	for query, want := range map[string][]bool{ // whether the dead callback and the queued e-mail are listed
		"":                                      {true, false},
		"?state=queued":                         {false, true},
		"?state=delivered":                      {false, false},
		"?state=all":                            {true, true},
		"?state=all&channel=email":              {false, true},
		"?state=all&endpoint=smtp":              {false, true},
		"?state=all&bundle=" + productSID:       {true, true},
		"?state=all&bundle=BU" + accountSID[2:]: {false, false},
		"?endpoint=https%3A%2F%2Fexample.com%3A443": {true, false},
	} {
		text := s.send(t, "GET", "/console/deliveries"+query, "").Body.String()
		got := []bool{strings.Contains(text, dead), strings.Contains(text, "a@acme.example")}
		if !slices.Equal(got, want) {
			t.Errorf("%q lists the dead callback and the queued e-mail: %v, want %v", query, got, want)
		}
		if got := strings.Contains(text, `href="/console/deliveries/replay?`); got != (want[0] && !want[1] && !strings.Contains(query, "all")) {
			t.Errorf("%q offers to replay all: %t", query, got)
		}
	}
}

// TestReplayMany asks how many, and then replays all that match.
func TestReplayMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "")
		for i := range 3 {
			notify(t, db, trust.Callback, fmt.Sprintf("https://%d.example/", i%2))
			attemptAll(t, db, "no")
		}
		s := loggedIn(t, db)
		filter := url.Values{"state": {"dead"}, "endpoint": {"https://0.example:443"}}.Encode()
		text := s.send(t, "GET", "/console/deliveries/replay?"+filter, "").Body.String()
		wantHTML(t, "the question", text)
		if !strings.Contains(text, "2 dead deliveries match.") || !strings.Contains(text, `name="endpoint" value="https://0.example:443"`) {
			t.Errorf("the question: %s", text)
		}
		wantStatus(t, "replaying", s.send(t, "POST", "/console/deliveries/replay/confirm", filter), http.StatusSeeOther,
			"/console/deliveries?"+url.Values{"endpoint": {"https://0.example:443"}, "state": {"dead"}}.Encode()+"&done=replayed")
		dead, err := db.Deliveries(t.Context(), store.DeliveryFilter{State: store.Dead, Limit: 10})
		if err != nil || len(dead) != 1 || dead[0].Endpoint != "https://1.example:443" {
			t.Errorf("still dead: %+v, %v", dead, err)
		}
		if text := s.send(t, "GET", "/console/deliveries/replay?"+filter, "").Body.String(); !strings.Contains(text, "No delivery matches") {
			t.Errorf("with nothing left: %s", text)
		}
		wantStatus(t, "replaying all states", s.send(t, "POST", "/console/deliveries/replay/confirm", "state=all"), http.StatusBadRequest, "")
	})
}

// TestMessages shows e-mails as text.
func TestMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, markup, "")
		notify(t, db, trust.Email, "a@acme.example")
		s, id := loggedIn(t, db), onlyDelivery(t, db).Notice.ID
		for query, want := range map[string]bool{"": true, "?to=a@acme.example": true, "?to=b": false, "?state=dead": false, "?state=queued": true} {
			text := s.send(t, "GET", "/console/messages"+query, "").Body.String()
			if got := strings.Contains(text, `href="/console/messages/`+id); got != want {
				t.Errorf("%q lists the message: %t, want %t", query, got, want)
			}
		}
		show := func(path string) string {
			text := s.send(t, "GET", path, "").Body.String()
			wantHTML(t, path, text)
			return text
		}
		text := show("/console/messages/" + id)
		for _, want := range []string{"As it would be sent", "Auto-Submitted: auto-generated", "To: &lt;a@acme.example&gt;", "18601: "} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in %s", want, text)
			}
		}
		attemptAll(t, db, markup)
		if text := show("/console/messages/" + id); strings.Contains(text, "<img") || !strings.Contains(text, html.EscapeString(markup)) {
			t.Errorf("the message: %s", text)
		}
	})
}
