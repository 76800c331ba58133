package console_test

import (
	"encoding/json"
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

// TestDecide takes a bundle into review and rejects it with known and other codes. A form with wrong codes changes nothing.
func TestDecide(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		submitProduct(t, db, at)
		s := loggedIn(t, db)
		if text := s.send(t, "GET", bundlePath, "").Body.String(); !strings.Contains(text, "Take into review") {
			t.Error("the page of a pending bundle cannot take it into review")
		}
		wantStatus(t, "taking it into review", s.send(t, "POST", bundlePath+"/review", ""), http.StatusSeeOther, bundlePath+"?done=review")
		wantStatus(t, "again", s.send(t, "POST", bundlePath+"/review", ""), http.StatusSeeOther, bundlePath+"?done=review")
		for form, want := range map[string]string{
			"":                                       "A rejection needs at least one code.",
			"codes=+,":                               "A rejection needs at least one code.",
			"code=1":                                 "Each code must be a number of five digits.",
			"codes=%3Cb":                             "Each code must be a number of five digits.",
			"codes=" + strings.Repeat("18601,", 101): "A rejection has at most 100 codes.",
		} {
			response := s.send(t, "POST", bundlePath+"/reject", form)
			wantStatus(t, form, response, http.StatusBadRequest, "")
			if text := response.Body.String(); !strings.Contains(text, want) {
				t.Errorf("%s: %s", form, text)
			}
		}
		text := s.send(t, "GET", bundlePath, "").Body.String()
		wantInOrder(t, text, "in-review", `name="code" value="18601"`, trust.Rejection(18601).Meaning, `name="code" value="22219"`)
		if strings.Contains(text, "Take into review") {
			t.Error("a bundle in review can be taken into review")
		}
		form := url.Values{"code": {"18602", "22216"}, "codes": {"18607, 18608"}}.Encode()
		wantStatus(t, "rejecting", s.send(t, "POST", bundlePath+"/reject", form), http.StatusSeeOther, bundlePath+"?done=rejected")
		b, err := db.Bundle(t.Context(), productSID)
		if want := []int{18602, 22216, 18607, 18608}; err != nil || b.Status != trust.TwilioRejected || !slices.Equal(b.Errors, want) {
			t.Errorf("the bundle is %s with %v, %v", b.Status, b.Errors, err)
		}
		text = s.send(t, "GET", bundlePath+"?done=rejected", "").Body.String()
		wantInOrder(t, text, "The bundle is rejected.", "Rejected with", trust.Rejection(18602).Meaning, "in-review", "→", "twilio-rejected",
			"18608", "reviewer")
		if strings.Contains(text, `action="`+bundlePath+`/reject"`) {
			t.Error("a rejected bundle can be rejected")
		}
	})
}

// TestReplayAndDrop replays a dead delivery and drops a queued one, of the bundle of the page only.
func TestReplayAndDrop(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		submitProduct(t, db, at)
		attempt(t, db, trust.Attempt{Started: at, Verdict: trust.Refused}, at)
		s := loggedIn(t, db)
		d := callbackOf(t, db)
		if d.State != store.Dead {
			t.Fatalf("the callback is %s", d.State)
		}
		form := "delivery=" + d.Notice.ID
		if text := s.send(t, "GET", bundlePath, "").Body.String(); strings.Count(text, "Drop it") != 1 { // that of the e-mail
			t.Error("a dead callback can be dropped, or a queued e-mail cannot")
		}
		other := "/console/bundles/BU" + accountSID[2:]
		for _, action := range []string{"replay", "drop"} {
			wantStatus(t, action+" without an id", s.send(t, "POST", bundlePath+"/"+action, ""), http.StatusBadRequest, "")
			wantStatus(t, action+" on another page", s.send(t, "POST", other+"/"+action, form), http.StatusNotFound, "")
		}
		dead := s.send(t, "POST", bundlePath+"/drop", form)
		wantStatus(t, "dropping a dead one", dead, http.StatusConflict, "")
		if text := dead.Body.String(); !strings.Contains(text, "The delivery has already ended.") {
			t.Errorf("dropping a dead one: %s", text)
		}
		wantStatus(t, "replaying", s.send(t, "POST", bundlePath+"/replay", form), http.StatusSeeOther, bundlePath+"?done=replayed")
		if d := callbackOf(t, db); d.State != store.Ready || len(d.Attempts) != 1 {
			t.Errorf("after a replay it is %s with %d attempts", d.State, len(d.Attempts))
		}
		wantStatus(t, "dropping", s.send(t, "POST", bundlePath+"/drop", form), http.StatusSeeOther, bundlePath+"?done=dropped")
		if d := callbackOf(t, db); d.State != store.Dropped {
			t.Errorf("after dropping it is %s", d.State)
		}
	})
}

func callbackOf(t *testing.T, db *store.Store) store.Delivery {
	t.Helper()
	all, err := db.Deliveries(t.Context(), store.DeliveryFilter{BundleSID: productSID, Channel: trust.Callback, Limit: 2})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d callbacks, %v", len(all), err)
	}
	return all[0]
}

// A bundle whose policy requires an end user and a Customer Profile.
const (
	cnamSID       = "BU00000000000000000000000000000002"
	cnamPolicySID = "RNf3db3cd1fe25fcfd3c3ded065c8fea53"
)

// TestChecklist: the page says what a bundle needs with what is assigned now, and stores no evaluation.
func TestChecklist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		cnam := trust.NewBundle(trust.TrustProduct, cnamSID, accountSID, cnamPolicySID, "CNAM", "a@acme.example", "", at)
		if err := db.Bundles.Create(t.Context(), cnam); err != nil {
			t.Fatal(err)
		}
		s := loggedIn(t, db)
		path := "/console/bundles/" + cnam.SID
		page := func() string {
			t.Helper()
			text := s.send(t, "GET", path, "").Body.String()
			wantHTML(t, path, text)
			return text
		}
		wantInOrder(t, page(), "0 of 2 requirements are met", "noncompliant", "missing", "Cnam Information", "An end user of type cnam_information",
			"cnam_display_name", "a letter, then letters", "missing", "Customer Profile", "pending-review or in-review or twilio-approved and the policy", "/console/policies/RNdfbf3fae0e1107f8aded0e7cead80bf5",
			"End users, documents, bundles and phone numbers appear here", `curl -u &#34;`+accountSID+`:$TWILIO_AUTH_TOKEN&#34; http://`+host+
				"/v1/TrustProducts/"+cnam.SID)

		assignEndUser(t, db, cnam.SID, "IT00000000000000000000000000000001", `{"cnam_display_name": "1"}`)
		wantInOrder(t, page(), "0 of 2 requirements are met", "incomplete", "Cnam Information", "cnam_display_name", html.EscapeString(markup),
			"IT00000000000000000000000000000001", "end user")
		assignEndUser(t, db, cnam.SID, "IT00000000000000000000000000000002", `{"cnam_display_name": "Acme"}`)
		assignEndpoint(t, db, cnam.SID)
		text := page()
		wantInOrder(t, text, "1 of 2 requirements are met", "met", "Cnam Information", "missing", "Customer Profile",
			"PN00000000000000000000000000000001")
		if strings.Contains(text, "<img") {
			t.Error("the name of an end user is markup")
		}
		count, err := db.Evaluations.Count(t.Context(), store.Scope{cnam.SID}, 1)
		if err != nil || count != 0 {
			t.Errorf("%d evaluations are stored, %v", count, err)
		}
	})
}

func assignEndUser(t *testing.T, db *store.Store, bundleSID, sid, attributes string) {
	t.Helper()
	u := trust.EndUser{
		SID: sid, AccountSID: accountSID, FriendlyName: markup, Type: "cnam_information", Attributes: json.RawMessage(attributes),
		Created: at, Updated: at,
	}
	if err := db.EndUsers.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	a := trust.Assignment{SID: "BV" + sid[2:], AccountSID: accountSID, BundleSID: bundleSID, ObjectSID: sid, Created: at}
	_, err := db.Assign(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), nil, a, holder(at),
		func(trust.Bundle, store.Object) (string, error) { return u.Type, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func assignEndpoint(t *testing.T, db *store.Store, bundleSID string) {
	t.Helper()
	e := trust.ChannelEndpoint{
		SID: "RA00000000000000000000000000000001", AccountSID: accountSID, BundleSID: bundleSID, Type: "phone-number",
		EndpointSID: "PN00000000000000000000000000000001", Created: at,
	}
	_, err := db.AssignEndpoint(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), nil, e, holder(at),
		func(trust.Bundle, bool) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func holder(at time.Time) trust.Origin {
	return trust.Origin{By: trust.AccountHolder, RequestID: "RQ7", At: at}
}
