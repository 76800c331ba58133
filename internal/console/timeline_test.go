package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/opentrusthub/trusthub/api"
	"github.com/opentrusthub/trusthub/internal/console"
	"github.com/opentrusthub/trusthub/internal/requestlog"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

const bundlePath = "/console/bundles/" + productSID

// TestTimeline: the page of a bundle tells its history, requests about it and its deliveries with the receivers' answers, newest
// first, and all that others wrote as text.
func TestTimeline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, markup, "a@acme.example")
		var log *requestlog.Log
		s := loggedIn(t, db, func(c *console.Config) { log = c.Requests.Log })
		submitProduct(t, db, at.Add(time.Minute))
		s.now = at.Add(2 * time.Minute)
		log.Observe(api.RequestInfo{
			ID: "RQ1", Method: "POST", Path: "/v1/TrustProducts/" + productSID, Operation: "UpdateTrustProduct", AccountSID: accountSID,
			Status: 400, Code: api.CodeInvalidState, Message: "refused " + markup, Duration: 12 * time.Millisecond,
		})
		log.Observe(api.RequestInfo{
			ID: "RQ2", Method: "GET", Path: "/v1/TrustProducts/" + productSID, ClaimedAccountSID: accountSID, Status: 401,
			Code: api.CodeUnauthenticated, Message: "Authenticate",
		})
		log.Observe(api.RequestInfo{ID: "RQ3", Method: "GET", Path: "/v1/TrustProducts", Operation: "ListTrustProduct", Status: 200})
		attempt(t, db, trust.Attempt{
			Started: at.Add(3 * time.Minute), Duration: 1500 * time.Millisecond, Verdict: trust.Refused, StatusCode: 410,
			Answer: "answer " + markup, Error: "the receiver refused it",
		}, at.Add(time.Hour))
		response := s.send(t, "GET", bundlePath, "")
		text := response.Body.String()
		wantStatus(t, "the page", response, http.StatusOK, "")
		wantHTML(t, bundlePath, text)
		_, section, _ := strings.Cut(text, `id="timeline"`)
		wantInOrder(t, section,
			"without valid credentials, as "+accountSID, "<code>RQ2</code>",
			"<code>POST /v1/TrustProducts/"+productSID+"</code>", "UpdateTrustProduct",
			"Status <strong>400</strong>, error 70002: refused "+html.EscapeString(markup), "12.0 ms", "account holder", "<code>RQ1</code>",
			"Status changed", "draft", "→", "pending-review", "account holder", "<code>RQ0</code>",
			"Created", "account holder")
		wantInOrder(t, section, "Callback", "https://example.com/?&lt;i&gt;", "dead", "refused", "status <strong>410</strong>", "1.5 s",
			"the receiver refused it", "answer "+html.EscapeString(markup),
			"Status changed")
		wantInOrder(t, section, "E-mail", "a@acme.example", "ready", "Status changed")
		for _, unwanted := range []string{"<img", "RQ3", `href="https:`} {
			if strings.Contains(text, unwanted) {
				t.Errorf("the page has %s", unwanted)
			}
		}
	})
}

// TestTimelineParts follows the links to older parts: together they have each entry once, newest first.
func TestTimelineParts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		now := at
		log := requestlog.New(1000, func() time.Time { return now })
		s := loggedIn(t, db, func(c *console.Config) { c.Requests.Log = log })
		want := 1 // the creation
		for i := range 40 {
			now = at.Add(time.Duration(i) * time.Minute)
			submitProduct(t, db, now)
			b, err := db.ReviewBundle(t.Context(), productSID, func(b trust.Bundle) (trust.Outcome, error) {
				b.Status = trust.Draft
				return trust.Outcome{Bundle: b, Changed: true}, nil
			})
			if err != nil || b.Status != trust.Draft {
				t.Fatal(b.Status, err)
			}
			want += 3 // the submission, its callback and its e-mail
			info := api.RequestInfo{Method: "GET", Path: "/v1/TrustProducts/" + productSID, Operation: "FetchTrustProduct"}
			switch i % 4 {
			case 0:
				info.AccountSID, info.Status = accountSID, 200
			case 1:
				info.AccountSID, info.Status = accountSID, 429
			case 2:
				info.AccountSID, info.Status = "AC"+productSID[2:], 404
			case 3:
				info.Status = 401
			}
			log.Observe(info)
			want++
		}
		entry := regexp.MustCompile(`<li id="([^"]+)" class="entry">\s*<div class="when"><time datetime="([^"]+)"`)
		older := regexp.MustCompile(`<a href="([^"]+)#timeline" rel="next">`)
		var ids, times []string
		for path := bundlePath; path != ""; {
			text := s.send(t, "GET", path, "").Body.String()
			for _, found := range entry.FindAllStringSubmatch(text, -1) {
				ids, times = append(ids, found[1]), append(times, found[2])
			}
			path = ""
			if link := older.FindStringSubmatch(text); link != nil {
				path = html.UnescapeString(link[1])
			}
		}
		unique := slices.Compact(slices.Sorted(slices.Values(ids)))
		if len(ids) != want || len(unique) != want {
			t.Errorf("%d entries, of which %d are different, want %d", len(ids), len(unique), want)
		}
		if !slices.IsSortedFunc(times, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("the times are %v", times)
		}
		for after, status := range map[string]int{"1..0": http.StatusOK, "x": http.StatusBadRequest, "1.ND0.1": http.StatusBadRequest} {
			wantStatus(t, after, s.send(t, "GET", bundlePath+"?after="+after, ""), status, "")
		}
	})
}

// TestDeletedBundle: a bundle that was deleted has a page as long as its history is kept. Nothing can be done there.
func TestDeletedBundle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		addBundle(t, db, "Acme", "a@acme.example")
		submitProduct(t, db, at.Add(time.Minute))
		err := db.DeleteBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), productSID,
			trust.Origin{By: trust.AccountHolder, RequestID: "RQ9", At: at.Add(time.Hour)},
			func(trust.Bundle, []trust.Status) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		s := loggedIn(t, db)
		response := s.send(t, "GET", bundlePath, "")
		text := response.Body.String()
		wantStatus(t, "the page", response, http.StatusOK, "")
		wantHTML(t, bundlePath, text)
		wantInOrder(t, text, "<h1>Deleted Trust Product</h1>", accountSID, "Deleted", "<code>RQ9</code>", "dropped", "Status changed")
		if strings.Contains(text, bundlePath) {
			t.Error("the page has a form for a bundle that was deleted")
		}
	})
}

// submitProduct submits the bundle of addBundle.
func submitProduct(t testing.TB, db *store.Store, now time.Time) {
	t.Helper()
	_, err := db.UpdateBundle(t.Context(), store.BundlesOf(accountSID, trust.TrustProduct), productSID,
		func(b trust.Bundle) (trust.Outcome, error) {
			change := trust.Change{Status: new(trust.PendingReview), RequestID: "RQ0"}
			return trust.Policy{}.Apply(b, change, trust.AccountHolder, now)
		})
	if err != nil {
		t.Fatal(err)
	}
}

// attempt records an attempt to send the callback that is due, which is dead then.
func attempt(t testing.TB, db *store.Store, a trust.Attempt, now time.Time) {
	t.Helper()
	queue := store.Queue{AccountSID: accountSID, Channel: trust.Callback, Endpoint: "https://example.com:443"}
	leases, _, err := db.RecordAndLease(t.Context(), nil, []store.Grant{{Queue: queue, Limit: 1}}, now, time.Minute)
	if err != nil || len(leases) != 1 {
		t.Fatalf("%d leases, %v", len(leases), err)
	}
	if err := db.Record(t.Context(), store.Report{Lease: leases[0], Attempt: a, State: store.Dead}, now); err != nil {
		t.Fatal(err)
	}
}

// wantInOrder reports which of some texts does not come after those before it.
func wantInOrder(t *testing.T, text string, wanted ...string) {
	t.Helper()
	rest := text
	for i, want := range wanted {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q does not come after %v in %s", want, fmt.Sprint(wanted[:i]), text)
		}
		rest = after
	}
}
