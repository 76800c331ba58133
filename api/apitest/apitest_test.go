package apitest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/opentrusthub/trusthub/api/apitest"
	"github.com/opentrusthub/trusthub/gen"
)

const realService = "https://trusthub.twilio.com"

// caller calls a server as an application would.
type caller struct {
	t        testing.TB
	base     string
	sid      string
	token    string
	client   *http.Client
	createAs string // the Idempotency-Key of creates
}

// newCaller calls the real service's URL, as the official SDKs do.
func newCaller(t testing.TB, s *apitest.Server) caller {
	return caller{t: t, base: realService, sid: s.AccountSID, token: s.AuthToken, client: s.Client()}
}

func (c caller) send(ctx context.Context, method, path string, form url.Values) (status int, header http.Header, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, nil, err
	}
	r.SetBasicAuth(c.sid, c.token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.createAs != "" {
		r.Header.Set("Idempotency-Key", c.createAs)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // all of it is read
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

func (c caller) product(method, path string, form url.Values) gen.TrustProduct {
	c.t.Helper()
	status, _, body, err := c.send(c.t.Context(), method, path, form)
	if err != nil || status/100 != 2 {
		c.t.Fatalf("%s %s: status %d, %s, %v", method, path, status, body, err)
	}
	var p gen.TrustProduct
	if err := json.Unmarshal(body, &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func draft(email, callback string) url.Values {
	return url.Values{
		"FriendlyName": {"Acme"}, "Email": {email}, "StatusCallback": {callback},
		"PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
	}
}

func (c caller) create(email, callback string) gen.TrustProduct {
	c.t.Helper()
	return c.product(http.MethodPost, "/v1/TrustProducts", draft(email, callback))
}

func (c caller) submit(sid string) {
	c.t.Helper()
	c.product(http.MethodPost, "/v1/TrustProducts/"+sid, url.Values{"Status": {"pending-review"}})
}

func (c caller) fetch(sid string) gen.TrustProduct {
	c.t.Helper()
	return c.product(http.MethodGet, "/v1/TrustProducts/"+sid, nil)
}

func TestTransport(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	p := c.create("a@acme.example", "")
	if p.URL != s.BaseURL+"/v1/TrustProducts/"+p.SID {
		t.Errorf("the product's URL is %s, the server's %s", p.URL, s.BaseURL)
	}
	for _, base := range []string{s.BaseURL, "https://trusthub.dublin.ie1.twilio.com"} {
		c.base = base
		if got := c.fetch(p.SID); got.SID != p.SID {
			t.Errorf("%s: got %+v", base, got)
		}
	}
	c.base = "https://api.twilio.com"
	if _, _, _, err := c.send(t.Context(), http.MethodPost, "/", nil); err == nil || !strings.Contains(err.Error(), "leave this machine") {
		t.Errorf("a request for another host: %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	const sid, token = "AC0123456789abcdef0123456789abcdef", "secret"
	start := time.Date(2030, 6, 7, 8, 9, 10, 0, time.UTC)
	s := apitest.New(t, apitest.WithAccount(sid, token), apitest.WithStart(start), apitest.WithReviewDelay(time.Hour),
		apitest.WithValidFor(24*time.Hour))
	c := newCaller(t, s)
	p := c.create("a@acme.example", "")
	if s.AccountSID != sid || p.AccountSID != sid || s.AuthToken != token || !p.DateCreated.Equal(start) {
		t.Errorf("account %s, created %v", p.AccountSID, p.DateCreated)
	}
	c.submit(p.SID)
	s.Advance(time.Hour - time.Second)
	if p = c.fetch(p.SID); p.Status != gen.BundleStatusInReview {
		t.Errorf("a second before the end of its review it is %s", p.Status)
	}
	s.Advance(time.Second)
	if p = c.fetch(p.SID); p.Status != gen.BundleStatusTwilioApproved || !p.ValidUntil.Equal(start.Add(25*time.Hour)) {
		t.Errorf("after its review it is %s until %v", p.Status, p.ValidUntil)
	}
	s.Advance(24 * time.Hour)
	if p = c.fetch(p.SID); p.Status != gen.BundleStatusTwilioRejected || !p.DateUpdated.Equal(start.Add(25*time.Hour)) {
		t.Errorf("at the end of its approval it is %s, updated %v", p.Status, p.DateUpdated)
	}
	if got := s.Now().Sub(start).Truncate(time.Second); got != 25*time.Hour {
		t.Errorf("the clock moved by %v", got)
	}
}

// TestLogger expects a line for each request and each notice, and no others. Notices are sent concurrently, in any order.
func TestLogger(t *testing.T) {
	var log bytes.Buffer
	t.Run("server", func(t *testing.T) { // its end closes the server, after which the log is complete
		s := apitest.New(t, apitest.WithManualReview(), apitest.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
		c := newCaller(t, s)
		p := c.create("a@acme.example", "https://acme.example/")
		c.submit(p.SID)
		s.Advance(0)
		c.token = "wrong"
		if status, _, _, err := c.send(t.Context(), http.MethodGet, "/v1/TrustProducts/"+p.SID, nil); status != http.StatusUnauthorized || err != nil {
			t.Errorf("with a wrong token: status %d, %v", status, err)
		}
	})
	type line struct {
		Msg, Level    string
		Method, Route string
		Status        any
		Channel       string
		State         string
	}
	var got []line
	for decoder := json.NewDecoder(&log); decoder.More(); {
		var one line
		if err := decoder.Decode(&one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	slices.SortFunc(got, func(a, b line) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	want := []line{
		{Msg: "notice", Level: "INFO", Channel: "callback", Status: "pending-review", State: "delivered"},
		{Msg: "notice", Level: "INFO", Channel: "email", Status: "pending-review", State: "delivered"},
		{Msg: "request", Level: "INFO", Method: "GET", Route: "/v1/TrustProducts/:Sid", Status: 401.0},
		{Msg: "request", Level: "INFO", Method: "POST", Route: "/v1/TrustProducts", Status: 201.0},
		{Msg: "request", Level: "INFO", Method: "POST", Route: "/v1/TrustProducts/:Sid", Status: 200.0},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("logged is (-want +got):\n%s", diff)
	}
}

func TestAccountsAreSeparate(t *testing.T) {
	t.Parallel()
	s := apitest.New(t)
	c := newCaller(t, s)
	p := c.create("a@acme.example", "")
	c.sid, c.token = s.AddAccount()
	if status, _, _, err := c.send(t.Context(), http.MethodGet, "/v1/TrustProducts/"+p.SID, nil); status != http.StatusNotFound || err != nil {
		t.Errorf("the other account gets status %d, %v", status, err)
	}
}

// TestHundredServers uses a hundred servers at the same time.
func TestHundredServers(t *testing.T) {
	t.Parallel()
	servers := make([]*apitest.Server, 100)
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() { servers[i] = apitest.New(t) })
	}
	group.Wait()
	for i, s := range servers {
		group.Go(func() {
			c := newCaller(t, s)
			form := draft("a@acme.example", "https://acme.example/")
			form.Set("FriendlyName", fmt.Sprint("server ", i))
			status, _, body, err := c.send(t.Context(), http.MethodPost, "/v1/TrustProducts", form)
			if err != nil || status != http.StatusCreated {
				t.Errorf("server %d: status %d, %v", i, status, err)
			}
			var p gen.TrustProduct
			if err := json.Unmarshal(body, &p); err != nil || p.FriendlyName != fmt.Sprint("server ", i) {
				t.Errorf("server %d: %s", i, body)
			}
		})
	}
	group.Wait()
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		apitest.New(b)
	}
}
