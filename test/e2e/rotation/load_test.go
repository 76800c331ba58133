package rotation_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	clients   = 6
	walkers   = 2
	endUsers  = 60 // that walkers list
	pageSize  = 5
	waitLimit = 30 * time.Second // for expected events, on a busy machine
)

// story has the statuses that callbacks report for a product whose review takes no time.
var story = []string{"pending-review", "in-review", "twilio-approved"}

// load is programs that use an account all the time. No request may be refused, and no callback may be invalid.
type load struct {
	servers  []*url.URL
	http     *http.Client
	receiver *receiver
	programs sync.WaitGroup
	stopping atomic.Bool
	requests atomic.Int64

	mu       sync.Mutex
	token    *token
	products map[string]*product // by SID, those whose callbacks have not all arrived
	finished chan struct{}       // receives an element for each finished product and each walk
}

// token is an auth token and the requests that are sent with it.
type token struct {
	text     string
	inFlight sync.WaitGroup
}

// product is a product that was submitted.
type product struct {
	told  []string // statuses, in the order of their callbacks
	ended chan struct{}
}

func startLoad(t *testing.T, servers []*url.URL) *load {
	t.Helper()
	l := &load{
		servers: servers, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients + walkers}},
		token: &token{text: programtest.AuthToken}, products: map[string]*product{}, finished: make(chan struct{}, 1_000_000),
	}
	l.receiver = startReceiver(t, programtest.AuthToken, l.received)
	for i := range endUsers {
		l.call(t, http.MethodPost, l.server(i), "/v1/EndUsers", url.Values{
			"FriendlyName": {fmt.Sprint(i)}, "Type": {"customer_profile_business_information"},
		})
	}
	for number := range clients {
		l.programs.Go(func() { l.run(t, number, l.submit) })
	}
	for number := range walkers {
		l.programs.Go(func() { l.run(t, number, l.walk) })
	}
	t.Cleanup(l.stop)
	return l
}

// run repeats what a program does until the load stops.
func (l *load) run(t *testing.T, number int, do func(t *testing.T, number int)) {
	for turn := number; !l.stopping.Load() && !t.Failed(); turn++ {
		do(t, turn)
	}
}

func (l *load) stop() {
	l.stopping.Store(true)
	l.programs.Wait()
}

func (l *load) server(number int) *url.URL { return l.servers[number%len(l.servers)] }

// submit creates, fetches and submits a product, each at the next server, and waits for its callbacks.
func (l *load) submit(t *testing.T, number int) {
	created := l.call(t, http.MethodPost, l.server(number), "/v1/TrustProducts", url.Values{
		"FriendlyName": {"Acme"}, "Email": {"legal@acme.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
		"StatusCallback": {l.receiver.URL},
	})
	p, path := &product{ended: make(chan struct{})}, "/v1/TrustProducts/"+created.SID
	l.mu.Lock()
	l.products[created.SID] = p
	l.mu.Unlock()
	l.call(t, http.MethodGet, l.server(number+1), path, nil)
	l.call(t, http.MethodPost, l.server(number+1), path, url.Values{"Status": {story[0]}})
	l.awaitStory(t, p)
}

func (l *load) awaitStory(t *testing.T, p *product) {
	select {
	case <-p.ended:
	case <-time.After(waitLimit):
		t.Errorf("the callbacks of a submitted product did not all arrive within %v", waitLimit)
	case <-t.Context().Done():
	}
}

// received records a callback.
func (l *load) received(sid, status string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.products[sid]
	if p == nil || slices.Contains(p.told, status) {
		return
	}
	if p.told = append(p.told, status); slices.Equal(p.told, story) {
		delete(l.products, sid)
		close(p.ended)
		l.finished <- struct{}{}
	}
}

// walk lists all end users, each page at the next server.
func (l *load) walk(t *testing.T, number int) {
	seen := 0
	for path := fmt.Sprintf("/v1/EndUsers?PageSize=%d", pageSize); path != ""; number++ {
		page := l.call(t, http.MethodGet, l.server(number), path, nil)
		seen, path = seen+len(page.Results), page.next(t)
		if seen == 0 {
			return // the call has failed
		}
	}
	if seen != endUsers {
		t.Errorf("a walk found %d end users, want %d", seen, endUsers)
	}
	l.finished <- struct{}{}
}

// firstPage begins a walk that goes on with nextPage, one page after each step of a rotation.
func (l *load) firstPage(t *testing.T) (next string) {
	t.Helper()
	return l.nextPage(t, fmt.Sprintf("/v1/EndUsers?PageSize=%d", pageSize))
}

func (l *load) nextPage(t *testing.T, path string) (next string) {
	t.Helper()
	page := l.call(t, http.MethodGet, l.servers[len(l.servers)-1], path, nil)
	if next = page.next(t); len(page.Results) != pageSize || next == "" {
		t.Fatalf("a page has %d end users, and the next one is %q", len(page.Results), next)
	}
	return next
}

// use makes the programs use another token. When it returns, no request with the former one is in flight.
func (l *load) use(text string) {
	l.mu.Lock()
	former := l.token
	l.token = &token{text: text}
	l.mu.Unlock()
	former.inFlight.Wait()
}

// response has what the test reads of any response.
type response struct {
	SID     string
	Message string
	Results []struct{}
	Meta    struct {
		NextPageURL *string `json:"next_page_url"`
	}
}

// next returns the path of the next page, or an empty string.
func (r response) next(t *testing.T) string {
	if r.Meta.NextPageURL == nil {
		return ""
	}
	u, err := url.Parse(*r.Meta.NextPageURL)
	if err != nil {
		t.Error(err)
		return ""
	}
	return u.RequestURI()
}

// call sends a request with the token of the programs, which must succeed.
func (l *load) call(t *testing.T, method string, server *url.URL, path string, form url.Values) (r response) {
	l.mu.Lock()
	current := l.token
	current.inFlight.Add(1)
	l.mu.Unlock()
	defer current.inFlight.Done()
	l.requests.Add(1)
	status, r, err := l.send(t, method, server, path, form, current.text)
	if (err != nil || status >= http.StatusBadRequest) && t.Context().Err() == nil {
		t.Errorf("%s %s at %s: status %d, %q, %v", method, path, server.Host, status, r.Message, err)
	}
	return r
}

func (l *load) send(
	t *testing.T, method string, server *url.URL, path string, form url.Values, token string,
) (status int, r response, err error) {
	request, err := http.NewRequestWithContext(t.Context(), method, server.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, r, err
	}
	request.SetBasicAuth(programtest.AccountSID, token)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := l.http.Do(request)
	if err != nil {
		return 0, r, err
	}
	defer got.Body.Close() //nolint:errcheck // it is read completely, or the test fails
	return got.StatusCode, r, json.NewDecoder(got.Body).Decode(&r)
}

// refused reports whether a server refuses a token.
func (l *load) refused(t *testing.T, server *url.URL, token string) bool {
	t.Helper()
	status, _, err := l.send(t, http.MethodGet, server, "/v1/EndUsers?PageSize=1", nil, token)
	if err != nil || (status != http.StatusOK && status != http.StatusUnauthorized) {
		t.Fatalf("the old token: status %d, %v", status, err)
	}
	return status == http.StatusUnauthorized
}

func (l *load) wantRefused(t *testing.T, server *url.URL, token string) {
	t.Helper()
	if !l.refused(t, server, token) {
		t.Error("the server that promoted a token still accepts the old one")
	}
}

// await waits until each program has done something from start to end since the call.
func (l *load) await(t *testing.T, when string) {
	t.Helper()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for n := range len(l.finished) + 2*(clients+walkers) {
		select {
		case <-l.finished:
		case <-limit.C:
			t.Fatalf("%s: %d programs in %v", when, n, waitLimit)
		}
	}
}

// awaitAll waits until the callbacks of all products that exist now have arrived.
func (l *load) awaitAll(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	var waiting []*product
	for _, p := range l.products {
		waiting = append(waiting, p)
	}
	l.mu.Unlock()
	for _, p := range waiting {
		l.awaitStory(t, p)
	}
}

// report logs what has been done.
func (l *load) report(t *testing.T) {
	t.Helper()
	l.receiver.mu.Lock()
	defer l.receiver.mu.Unlock()
	t.Logf("%d requests succeeded and %d callbacks were valid during %d rotations", l.requests.Load(), l.receiver.valid, rounds)
}
