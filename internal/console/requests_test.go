package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestRequests lists requests with the reason of refused ones, as text.
func TestRequests(t *testing.T) {
	log := requestlog.New(100, func() time.Time { return at })
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db, func(c *console.Config) { c.Requests.Log = log })
	if text := s.send(t, "GET", "/console/requests", "").Body.String(); !strings.Contains(text, "Requests to the API appear here") {
		t.Errorf("without requests: %s", text)
	}
	log.Observe(api.RequestInfo{
		ID: "RQ1", AccountSID: accountSID, Operation: "FetchTrustProduct", Method: "GET", Path: "/v1/TrustProducts/BU1", Status: 200,
	})
	log.Observe(api.RequestInfo{
		ID: "RQ2", ClaimedAccountSID: accountSID, Operation: "CreateTrustProduct", Method: "POST", Path: "/v1/" + markup,
		Form: url.Values{"FriendlyName": {markup}}, Status: 401, Code: 20003, Message: "Authenticate " + markup,
	})
	for query, want := range map[string]string{
		"": "RQ1 RQ2", "?show=refused": "RQ2", "?show=4": "RQ2", "?show=5": "", "?show=2": "RQ1", "?account=" + accountSID: "RQ1 RQ2",
		"?account=AC" + productSID[2:]: "", "?operation=CreateTrustProduct": "RQ2",
	} {
		text, got := s.send(t, "GET", "/console/requests"+query, "").Body.String(), []string{}
		wantHTML(t, query, text)
		for _, id := range []string{"RQ1", "RQ2"} {
			if strings.Contains(text, `<tr id="`+id) {
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %v, want %q", query, got, want)
		}
	}
	text := s.send(t, "GET", "/console/requests", "").Body.String()
	for _, want := range []string{
		"<code>test</code>", "401 Unauthorized", "Authenticate " + html.EscapeString(markup), "1 parameter<",
		"<dt>FriendlyName</dt><dd>" + html.EscapeString(markup), "claimed, without valid credentials", "code 20003",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "<img") {
		t.Errorf("the markup of a caller: %s", text)
	}
}

// TestRequestsOff: without a request log, the page says that it is off.
func TestRequestsOff(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db, func(c *console.Config) { c.Requests = operator.Requests{} })
	off := s.send(t, "GET", "/console/requests", "")
	wantStatus(t, "without a log", off, http.StatusOK, "")
	if text := off.Body.String(); !strings.Contains(text, "--request-log") {
		t.Errorf("without a log: %s", text)
	}
}
