package siege_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/test/kit/pgtest"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
)

const policySID = "RN7a97559effdf62d00f4298208492a5ea"

// attacker is the account that attacks.
type attacker struct {
	SID       string `json:"account_sid"`
	AuthToken string `json:"auth_token"`
}

// TestSilentEndpoints: one account submits products whose callback hosts, all different, accept connections and never respond.
// Callbacks of another account must arrive as usual. They took 75 s when slots were shared by endpoint alone.
func TestSilentEndpoints(t *testing.T) {
	for _, test := range []struct {
		name     string
		database func(testing.TB) string
		servers  int
	}{
		{"sqlite", sqlite, 1},
		{"postgres", pgtest.New, 1},
		{"postgres with three servers", pgtest.New, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			database := test.database(t)
			var servers []*url.URL
			for range test.servers {
				servers = append(servers, start(t, program, database))
			}
			port := silence(t)
			submitAll(t, addAttacker(t, database), servers, scale(600, 1500), func(i int) string {
				return fmt.Sprintf("http://127.%d.%d.%d:%d/", 1+i/62500, i/250%250, 1+i%250, port)
			})
			took := callbackTimes(t, servers, scale(20, 200))
			p99 := took[len(took)*99/100]
			t.Logf("from submission to callback: p50 %v, p99 %v", took[len(took)/2], p99)
			if slowest := took[len(took)-1]; slowest > atOnce || p99 > time.Second && len(took) >= 100 {
				t.Errorf("p99 %v, the slowest %v", p99, slowest)
			}
		})
	}
}

func addAttacker(t *testing.T, database string) (a attacker) {
	t.Helper()
	add := programtest.Start(t, programtest.Command{Path: program, Args: []string{"accounts", "add", "--db", database}})
	err := add.Wait()
	if err == nil {
		err = json.Unmarshal([]byte(add.Stdout()), &a)
	}
	if err != nil || a.SID == "" || a.AuthToken == "" {
		t.Fatalf("%v: %s%s", err, add.Stdout(), add.Stderr())
	}
	return a
}

// silence accepts connections on every loopback address and never responds. It returns the port.
func silence(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func newClient(t *testing.T, server *url.URL, sid, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.WithBaseURL(server.String()), client.WithCredentials(sid, token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// submitAll creates and submits products of the attacker.
func submitAll(t *testing.T, a attacker, servers []*url.URL, count int, callback func(i int) string) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	clients := make([]*client.Client, len(servers))
	for i, server := range servers {
		clients[i] = newClient(t, server, a.SID, a.AuthToken)
	}
	for i := range count {
		group.Go(func() error {
			c := clients[i%len(clients)]
			product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
				FriendlyName: "hostile", Email: "a@b.example", PolicySID: policySID, StatusCallback: new(callback(i)),
			})
			if err == nil {
				_, err = c.UpdateTrustProduct(t.Context(), product.SID,
					client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)})
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// callbackTimes submits products one after the other, alternating between the servers, and returns the times until the first
// callback of each, sorted.
func callbackTimes(t *testing.T, servers []*url.URL, count int) []time.Duration {
	t.Helper()
	arrived := make(chan string, 10*count)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("Status") == "pending-review" {
			arrived <- r.PostFormValue("BundleSid")
		}
	}))
	t.Cleanup(receiver.Close)
	var took []time.Duration
	for i := range count {
		c := newClient(t, servers[i%len(servers)], programtest.AccountSID, programtest.AuthToken)
		product, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{
			FriendlyName: "polite", Email: "a@b.example", PolicySID: policySID, StatusCallback: new(receiver.URL),
		})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := c.UpdateTrustProduct(t.Context(), product.SID,
			client.UpdateTrustProductRequest{Status: new(client.BundleStatusPendingReview)}); err != nil {
			t.Fatal(err)
		}
		select {
		case sid := <-arrived:
			if sid != product.SID {
				t.Fatalf("a callback of %s, want %s", sid, product.SID)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("no callback in two minutes")
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}
