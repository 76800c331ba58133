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
	clients  = 8
	enough   = 4 * clients      // products whose story ends, to show that the servers in use serve and deliver
	patience = 30 * time.Second // for what is sure to come, on a busy machine
)

// story is what a customer is told of a product whose review takes no time.
var story = []string{"pending-review", "in-review", "twilio-approved"}

// traffic is clients that create Trust Products and submit them, each the next one when the customer has been told the whole story
// of the last. No request may fail: nobody is killed, and a server gets no more requests before it is stopped, as from a load
// balancer.
type traffic struct {
	customer *httptest.Server
	clients  sync.WaitGroup

	requests sync.RWMutex // read-locked by who makes one
	servers  []*url.URL   // none: the clients stop

	mu       sync.Mutex
	products map[string]*product // by SID
	told     chan struct{}       // has an element for each product whose story has ended
}

// product is one that has been created.
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
				case <-time.After(patience):
					t.Errorf("a product was submitted, and the customer not told all within %v", patience)
				case <-t.Context().Done():
				}
			}
		})
	}
	t.Cleanup(f.stop)
	return f
}

// use has the clients use these servers from now on, in turn. When it returns, no request is on its way to another.
func (f *traffic) use(servers ...*url.URL) {
	f.requests.Lock()
	defer f.requests.Unlock()
	f.servers = servers
}

func (f *traffic) stop() {
	f.use()
	f.clients.Wait()
}

// submit creates a product and submits it, each at the next server. It returns nil when there are no servers to use any more, or a
// request has failed.
func (f *traffic) submit(t *testing.T, turn int) *product {
	t.Helper()
	f.requests.RLock() // over both requests, so that what is created is submitted
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
		if t.Context().Err() == nil { // else the test has ended, and with it all requests
			t.Error(err)
		}
		return nil
	}
	return created
}

// call makes a request that must succeed, and returns what the product is then.
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
	defer response.Body.Close() //nolint:errcheck // it is read to the end, or the test fails
	var product struct{ SID, Status, Message string }
	if err := json.NewDecoder(response.Body).Decode(&product); err != nil || response.StatusCode >= http.StatusBadRequest {
		return "", "", fmt.Errorf("%s %s: %s, %q, %w", method, to, response.Status, product.Message, err)
	}
	return product.SID, product.Status, nil
}

// receive is the customer's end of a callback.
func (f *traffic) receive(_ http.ResponseWriter, r *http.Request) {
	status := r.FormValue("Status")
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.products[r.FormValue("BundleSid")]
	if p == nil || slices.Contains(p.told, status) {
		return // a server that is stopped may cut off a callback that has arrived, and it is sent again
	}
	if p.told = append(p.told, status); len(p.told) == len(story) {
		close(p.ended)
		f.told <- struct{}{}
	}
}

// await waits until the stories of so many products have ended that most of them began after now.
func (f *traffic) await(t *testing.T, by string) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for n := range len(f.told) + clients + enough {
		select {
		case <-f.told:
		case <-limit.C:
			t.Fatalf("served by %s: %d products in %v, want %d", by, n, patience, clients+enough)
		}
	}
}

// verify waits for the clients to end, and looks for all that was acknowledged.
func (f *traffic) verify(t *testing.T, server *url.URL) {
	t.Helper()
	f.stop()
	for sid, p := range f.products {
		_, status, err := call(t, http.MethodGet, server.JoinPath("/v1/TrustProducts", sid), nil)
		if err != nil || status != story[len(story)-1] || !slices.Equal(p.told, story) {
			t.Errorf("%s is %q, and the customer was told %v: %v", sid, status, p.told, err)
		}
	}
	t.Logf("%d products, and what became of each", len(f.products))
}
