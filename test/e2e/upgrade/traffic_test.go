package upgrade_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const (
	clients   = 8
	enough    = 4 * clients      // finished products that show that the servers in use serve and deliver
	waitLimit = 30 * time.Second // for expected events, on a busy machine
)

// story has the statuses that callbacks report for a product whose review takes no time.
var story = []string{"pending-review", "in-review", "twilio-approved"}

// traffic is clients that create and submit Trust Products, each the next one when the last one's callbacks have all arrived.
// No request may fail: no server is killed, and a server gets no more requests before it is stopped, as behind a load
// balancer.
type traffic struct {
	customer *httptest.Server
	clients  sync.WaitGroup

	requests sync.RWMutex // read-locked during requests
	servers  []*url.URL   // empty to stop the clients

	mu       sync.Mutex
	products map[string]*product // by SID
	told     chan struct{}       // receives an element for each finished product
}

// product is a product that was created.
type product struct {
	told  []string // statuses, in the order of their first callbacks
	ended chan struct{}
}

// startTraffic has clients use a server. The traffic ends with the test, or by stop.
func startTraffic(t *testing.T, server *url.URL) *traffic {
	t.Helper()
	f := &traffic{servers: []*url.URL{server}, products: map[string]*product{}, told: make(chan struct{}, 100_000)}
	f.customer = httptest.NewServer(http.HandlerFunc(f.receive))
	t.Cleanup(f.customer.Close)
	for number := range clients {
		f.clients.Go(func() {
			for submitted := f.submit(t, number); submitted != nil; submitted = f.submit(t, number) {
				select {
				case <-submitted.ended:
				case <-time.After(waitLimit):
					t.Errorf("the callbacks of a submitted product did not all arrive within %v", waitLimit)
				case <-t.Context().Done():
				}
			}
		})
	}
	t.Cleanup(f.stop)
	return f
}

// use makes the clients use these servers in turn. When it returns, there are no more requests to other servers.
func (f *traffic) use(servers ...*url.URL) {
	f.requests.Lock()
	defer f.requests.Unlock()
	f.servers = servers
}

func (f *traffic) stop() {
	f.use()
	f.clients.Wait()
}

// submit creates and submits a product, each at the next server. It returns nil if there are no servers left or a request
// fails.
func (f *traffic) submit(t *testing.T, turn int) *product {
	t.Helper()
	f.requests.RLock() // during both requests, so that every created product is submitted
	defer f.requests.RUnlock()
	if len(f.servers) == 0 {
		return nil
	}
	at := func(i int) *url.URL { return f.servers[(turn+i)%len(f.servers)].JoinPath("/v1/TrustProducts") }
	sid, _, err := call(t, http.MethodPost, at(0), url.Values{
		"FriendlyName": {"Acme"}, "Email": {"legal@acme.example"}, "PolicySid": {"RN7a97559effdf62d00f4298208492a5ea"},
		"StatusCallback": {f.customer.URL},
	})
	created := &product{ended: make(chan struct{})}
	if err == nil {
		f.mu.Lock()
		f.products[sid] = created
		f.mu.Unlock()
		_, _, err = call(t, http.MethodPost, at(1).JoinPath(sid), url.Values{"Status": {"pending-review"}})
	}
	if err != nil {
		if t.Context().Err() == nil { // otherwise the test has ended, and with it all requests
			t.Error(err)
		}
		return nil
	}
	return created
}

// call sends a request that must succeed, and returns the product's SID and status.
func call(t *testing.T, method string, to *url.URL, form url.Values) (sid, status string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", "", err
	}
	request.SetBasicAuth(programtest.AccountSID, programtest.AuthToken)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close() //nolint:errcheck // it is read completely, or the test fails
	var product struct{ SID, Status, Message string }
	if err := json.NewDecoder(response.Body).Decode(&product); err != nil || response.StatusCode >= http.StatusBadRequest {
		return "", "", fmt.Errorf("%s %s: %s, %q, %w", method, to, response.Status, product.Message, err)
	}
	return product.SID, product.Status, nil
}

// receive receives a callback.
func (f *traffic) receive(_ http.ResponseWriter, r *http.Request) {
	status := r.FormValue("Status")
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.products[r.FormValue("BundleSid")]
	if p == nil || slices.Contains(p.told, status) {
		return // a stopped server may abort a callback that has arrived, which is then sent again
	}
	if p.told = append(p.told, status); len(p.told) == len(story) {
		close(p.ended)
		f.told <- struct{}{}
	}
}

// await waits until so many products are finished that most of them must have begun after the call.
func (f *traffic) await(t *testing.T, by string) {
	t.Helper()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for n := range len(f.told) + clients + enough {
		select {
		case <-f.told:
		case <-limit.C:
			t.Fatalf("served by %s: %d products in %v, want %d", by, n, waitLimit, clients+enough)
		}
	}
}

// verify waits for the clients to end, and checks everything that was acknowledged.
func (f *traffic) verify(t *testing.T, server *url.URL) {
	t.Helper()
	f.stop()
	for sid, p := range f.products {
		_, status, err := call(t, http.MethodGet, server.JoinPath("/v1/TrustProducts", sid), nil)
		if err != nil || status != story[len(story)-1] || !slices.Equal(p.told, story) {
			t.Errorf("%s has status %q and the callbacks %v: %v", sid, status, p.told, err)
		}
	}
	t.Logf("%d products, and what became of each", len(f.products))
}
