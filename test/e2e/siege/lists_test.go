package siege_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
	"github.com/opentrusthub/trusthub/gen"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/programtest"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// The most expensive lists that an account can have.

const (
	listPolicy = "RN7a97559effdf62d00f4298208492a5ea"
	oldName    = 65_000 // bytes of a name from before names had a limit
)

// listAccount returns the attackers' accounts, from 1; 0 is programtest's account.
func listAccount(number int) store.Account {
	return store.Account{SID: fmt.Sprintf("AC%032d", number), AuthToken: programtest.AuthToken, Created: time.Now()}
}

// listFill stores products of an account, as an earlier version of the program might have done.
func listFill(t *testing.T, database string, account store.Account, count int, name string) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutAccount(t.Context(), account); err != nil {
		t.Error(err)
	}
	var all sync.WaitGroup
	for worker := range 64 {
		all.Go(func() {
			for i := worker; i < count; i += 64 {
				now := time.Now()
				p := trust.NewBundle(trust.TrustProduct, trust.NewSID(trust.BundlePrefix, now), account.SID, listPolicy, name, "a@acme.example", "", now)
				if err := db.Bundles.Create(t.Context(), p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := db.Close(); err != nil || t.Failed() {
		t.Fatal(err)
	}
}

// onEachEngine runs an attack with the name of an empty database.
func onEachEngine(t *testing.T, attack func(t *testing.T, database string)) {
	t.Helper()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) { attack(t, database(t)) })
	}
}

// TestLargestPages requests 100 pages of the largest products at once and does not read the responses. One more request of an
// account with too many pages must be refused. The server must need less than 200 MB, and other accounts must get their pages.
func TestLargestPages(t *testing.T) {
	const accounts, limit = 13, 200_000_000
	onEachEngine(t, func(t *testing.T, database string) {
		for number := range accounts {
			listFill(t, database, listAccount(number+1), scale(20, 80), strings.Repeat("<", oldName))
		}
		server := programtest.Serve(t, program, database)
		before := listMemory(t)
		var slow []net.Conn
		for number := range 100 {
			slow = append(slow, listOpen(t, server, listAccount(1+number%accounts)))
		}
		for _, conn := range slow {
			if status := listStatus(t, conn); status != http.StatusOK {
				t.Errorf("one of 100: status %d", status)
			}
		}
		if status := listStatus(t, listOpen(t, server, listAccount(1))); status != http.StatusTooManyRequests {
			t.Errorf("a page beyond the limit: status %d", status)
		}
		for _, conn := range slow {
			_ = conn.Close()
		}
		for number := range accounts {
			listWhole(t, server, listAccount(1+number))
		}
		peak := listMemory(t)
		if t.Logf("%d MB before, at the most %d MB", before>>20, peak>>20); peak > limit {
			t.Error("the server needs too much memory")
		}
	})
}

// listOpen requests a page on a connection with a small receive buffer.
func listOpen(t *testing.T, server *url.URL, account store.Account) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { // otherwise the kernel buffers the page
		t.Fatal(err)
	}
	if err := listRequest(t.Context(), t, server, account, "PageSize=1000").Write(conn); err != nil {
		t.Fatal(err)
	}
	return conn
}

// listStatus waits for the status of a response, and does not read the rest.
func listStatus(t *testing.T, conn net.Conn) int {
	t.Helper()
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err != nil {
		t.Fatal(err)
	}
	status, err := strconv.Atoi(string(line[len("HTTP/1.1 "):]))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// listWhole reads a page. It must have at most 4 MB besides its meta, and a link to the next page.
func listWhole(t *testing.T, server *url.URL, account store.Account) {
	t.Helper()
	answer, err := http.DefaultClient.Do(listRequest(t.Context(), t, server, account, "PageSize=1000"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // all of it is read
	body, err := io.ReadAll(answer.Body)
	var page gen.TrustProductPage
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil || answer.StatusCode != http.StatusOK || len(page.Results) < 2 || len(body) > 4<<20+4<<10 || page.Meta.NextPageURL == nil {
		t.Errorf("status %d, %d bytes, %d products, %v", answer.StatusCode, len(body), len(page.Results), err)
	}
}

func listRequest(ctx context.Context, t *testing.T, server *url.URL, account store.Account, query string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.JoinPath("/v1/TrustProducts").String()+"?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account.SID, account.AuthToken)
	return request
}

// listMemory returns the peak memory, in bytes, of the server, the only child of this process.
func listMemory(t *testing.T) int {
	t.Helper()
	children, err := filepath.Glob("/proc/" + strconv.Itoa(os.Getpid()) + "/task/*/children")
	if err != nil || len(children) == 0 {
		t.Skip("no /proc on this system")
	}
	for _, file := range children {
		pids, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			status, err := os.ReadFile("/proc/" + pid + "/status")
			if err != nil || !strings.HasPrefix(string(status), "Name:\ttrusthub\n") {
				continue
			}
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			if kilobytes, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
				return kilobytes << 10
			}
		}
	}
	t.Fatal("the server is not running")
	return 0
}

// TestOldProductsStayReadable lists products with the longest names once allowed, with the client and its default page size.
func TestOldProductsStayReadable(t *testing.T) {
	onEachEngine(t, func(t *testing.T, database string) {
		count := scale(100, 1000)
		listFill(t, database, listAccount(1), count, strings.Repeat("<", oldName))
		server := programtest.Serve(t, program, database)
		c, err := client.New(client.WithBaseURL(server.String()), client.WithCredentials(listAccount(1).SID, listAccount(1).AuthToken))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for product, err := range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
			if err != nil {
				t.Fatalf("after %d products: %v", len(seen), err)
			}
			seen[product.SID] = len(product.FriendlyName) == oldName
		}
		if len(seen) != count {
			t.Errorf("%d products, want %d", len(seen), count)
		}
	})
}

// TestFiltersThatFindNothing: an account with many products runs 16 concurrent lists with filters that find nothing and that no
// index supports. Meanwhile another account must be able to read its list.
func TestFiltersThatFindNothing(t *testing.T) {
	const attackers = 16
	goal := time.Duration(scale(250, 20)) * time.Millisecond // the full goal is for an idle machine
	onEachEngine(t, func(t *testing.T, database string) {
		other := listAccount(2)
		listFill(t, database, other, 60, "Acme") // first, so that they come last in an order of all products
		listFill(t, database, listAccount(1), scale(20_000, 400_000), "Acme")
		server := programtest.Serve(t, program, database)
		alone := listTimes(t, server, other, scale(50, 300))
		for _, filter := range []string{
			"FriendlyName=nope", "PolicySid=" + strings.Replace(listPolicy, "7", "8", 1), "Status=draft&FriendlyName=nope",
		} {
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range attackers {
				all.Go(func() { listAttack(ctx, t, server, filter) })
			}
			took := listTimes(t, server, other, scale(50, 300))
			stop()
			all.Wait()
			t.Logf("%s: median %v, p99 %v; alone %v, %v", filter, took[len(took)/2], took[len(took)*99/100],
				alone[len(alone)/2], alone[len(alone)*99/100])
			if median := took[len(took)/2]; median > goal {
				t.Errorf("%s: another account's list takes %v, want %v", filter, median, goal)
			}
		}
	})
}

// listAttack requests the same list until ctx ends.
func listAttack(ctx context.Context, t *testing.T, server *url.URL, filter string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for ctx.Err() == nil {
		status, _, err := listPage(ctx, t, &c, server, listAccount(1), filter)
		if err != nil && !errors.Is(err, context.Canceled) || err == nil && status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Errorf("status %d, %v", status, err)
			return
		}
	}
}

// listTimes reads an account's list a number of times and returns the durations, sorted.
func listTimes(t *testing.T, server *url.URL, account store.Account, count int) []time.Duration {
	t.Helper()
	c := http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	var all []time.Duration
	for range count {
		begun := time.Now()
		status, products, err := listPage(t.Context(), t, &c, server, account, "")
		if err != nil || status != http.StatusOK || products != 50 {
			t.Fatalf("status %d, %d products, %v", status, products, err)
		}
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	return all
}

func listPage(ctx context.Context, t *testing.T, c *http.Client, server *url.URL, account store.Account, query string) (status, products int, err error) {
	t.Helper()
	answer, err := c.Do(listRequest(ctx, t, server, account, query))
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // all of it is read
	var page gen.TrustProductPage
	err = json.NewDecoder(answer.Body).Decode(&page)
	return answer.StatusCode, len(page.Results), err
}
