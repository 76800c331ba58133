package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/api/client"
)

func TestFetchAndDelete(t *testing.T) {
	c, last := newServer(t, http.StatusOK, "application/json", answer)
	if product, err := c.FetchTrustProduct(t.Context(), sid); err != nil || product.SID != sid {
		t.Errorf("got %v, %v", product, err)
	}
	if last.Method != http.MethodGet || last.URL.Path != "/v1/TrustProducts/"+sid {
		t.Errorf("sent %s %s", last.Method, last.URL)
	}
	if err := c.DeleteTrustProduct(t.Context(), sid); err == nil {
		t.Error("a delete with status 200 succeeds")
	}
	c, last = newServer(t, http.StatusNoContent, "application/json", "")
	if err := c.DeleteTrustProduct(t.Context(), sid); err != nil || last.Method != http.MethodDelete {
		t.Errorf("sent %s, error %v", last.Method, err)
	}
	if _, err := c.FetchTrustProduct(t.Context(), sid); err == nil {
		t.Error("a fetch with an empty response succeeds")
	}
	for _, bad := range []string{"", "../x"} {
		_, err := c.FetchTrustProduct(t.Context(), bad)
		if err == nil || c.DeleteTrustProduct(t.Context(), bad) == nil {
			t.Errorf("%q is accepted as a SID", bad)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	c, last := newServer(t, http.StatusCreated, "application/json", answer)
	if _, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}, client.WithIdempotencyKey("order-17")); err != nil {
		t.Fatal(err)
	}
	if key := last.Header.Get("Idempotency-Key"); key != "order-17" {
		t.Errorf("sent key %q", key)
	}
	*last = http.Request{}
	for _, bad := range []string{"", "two words", "two\nlines", "ключ", strings.Repeat("x", 256)} {
		_, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}, client.WithIdempotencyKey(bad))
		if err == nil || last.Method != "" {
			t.Errorf("%q is accepted as a key", bad)
		}
	}
}

// TestNewIdempotencyKey makes keys one after the other: each begins with its time, and none is like another.
func TestNewIdempotencyKey(t *testing.T) {
	made := map[string]bool{}
	for range 1000 {
		before := time.Now().UnixMilli()
		key := client.NewIdempotencyKey()
		at, err := strconv.ParseInt(key[:12], 16, 64)
		if err != nil || at < before || at > time.Now().UnixMilli() || len(key) != 44 || made[key[12:]] {
			t.Fatalf("key %s, %v", key, err)
		}
		made[key[12:]] = true
	}
	c, last := newServer(t, http.StatusCreated, "application/json", answer)
	if _, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}); err != nil {
		t.Fatal(err)
	}
	if key := last.Header.Get("Idempotency-Key"); len(key) != 44 {
		t.Errorf("sent key %q", key)
	}
}

// TestNoKeyForTwilio: the real service is not known to honour keys, and a key would make net/http retry a create by itself.
func TestNoKeyForTwilio(t *testing.T) {
	for base, want := range map[string]bool{
		"https://trusthub.twilio.com": false, "https://trusthub.sydney.au1.TWILIO.com:443": false, "https://twilio.com.": false,
		"https://twilio.com.example": true, "https://nottwilio.com": true, "http://127.0.0.1:8080": true,
	} {
		server := &script{replies: []reply{{status: 500}}}
		c := server.client(t, client.WithBaseURL(base), client.WithRetries(client.RetryPolicy{MaxAttempts: 2, BaseWait: 1}))
		_, err := c.CreateTrustProduct(t.Context(), client.CreateTrustProductRequest{}, client.WithIdempotencyKey("k"))
		if sent := server.requests[0].key != ""; sent != want || (len(server.requests) == 2) != want || err == nil {
			t.Errorf("%s: key %q, sent %d times, error %v", base, server.requests[0].key, len(server.requests), err)
		}
	}
}

// pages serves a list of n products, two to a page. The URLs of the next pages are on another host.
func pages(t *testing.T, n int, next string) (*client.Client, *[]string) {
	t.Helper()
	asked := new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.RawQuery)
		from := len(r.URL.Query().Get("PageToken")) // xx: this page begins with the third
		var results []string
		for i := from; i < min(from+2, n); i++ {
			results = append(results, strings.Replace(answer, "Acme", fmt.Sprint("Acme ", i), 1))
		}
		nextURL := "null"
		if from+2 < n {
			nextURL = `"` + fmt.Sprintf(next, strings.Repeat("x", from+2), from/2+1) + `"`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"results":[`+strings.Join(results, ",")+`],"meta":{"next_page_url":`+nextURL+`}}`)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	return c, asked
}

func TestList(t *testing.T) {
	c, asked := pages(t, 5, "https://elsewhere.example/v1/TrustProducts?PageToken=%s&Page=%d")
	list := c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{
		Status: new(client.BundleStatusDraft), FriendlyName: new("A&B"), PageSize: new(int64(2)),
	})
	if len(*asked) != 0 {
		t.Error("the list was fetched before the loop")
	}
	for range 2 { // the second starts from the first page
		*asked = nil
		var names []string
		for product, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, product.FriendlyName)
		}
		if got := strings.Join(names, ","); got != "Acme 0,Acme 1,Acme 2,Acme 3,Acme 4" {
			t.Errorf("listed %s", got)
		}
		want := "Status=draft&FriendlyName=A%26B&PageSize=2&Page=2&PageToken=xxxx"
		if len(*asked) != 3 || (*asked)[2] != want {
			t.Errorf("asked for %q, want the third %s", *asked, want)
		}
	}
	*asked = nil
	for _, err := range list {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(*asked) != 1 {
		t.Errorf("a loop that breaks in the first page requested %d pages", len(*asked))
	}
}

// TestListGoesOnAfterAnEmptyPage: an empty page is not the last if it has a next page.
func TestListGoesOnAfterAnEmptyPage(t *testing.T) {
	pages := map[string]string{
		"":  `{"results":[],"meta":{"next_page_url":"https://x.example/?PageToken=b&Page=1"}}`,
		"b": `{"results":[` + answer + `],"meta":{"next_page_url":"https://x.example/?PageToken=c&Page=2"}}`,
		"c": `{"results":[],"meta":{"next_page_url":"https://x.example/?PageToken=d&Page=3"}}`,
		"d": `{"results":[` + answer + `],"meta":{"next_page_url":null}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("PageToken")])
	}))
	defer server.Close()
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("%d products, want 2", n)
	}
}

func TestListInvalidNextPage(t *testing.T) {
	for _, next := range []string{"https://x.example/?a=%s%d", "%%zz%s%d", "https://x.example/?PageToken=same#%s%d"} {
		c, asked := pages(t, 9, next)
		var last error
		for _, last = range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{PageToken: new("same")}) {
		}
		if last == nil || len(*asked) != 1 {
			t.Errorf("%s: error %v after %d pages", next, last, len(*asked))
		}
	}
	c, _ := newServer(t, http.StatusUnauthorized, "application/json", "{}")
	n := 0
	for product, err := range c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{}) {
		if n++; err == nil || product != nil || n > 1 {
			t.Errorf("yield %d is %v, %v", n, product, err)
		}
	}
}

// TestListInACircle: page a links to b, b to c, and c back to an earlier page.
func TestListInACircle(t *testing.T) {
	for _, back := range []string{"a", "b", "c"} {
		next := map[string]string{"": "a", "a": "b", "b": "c", "c": back}
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked > 10 {
				w.WriteHeader(http.StatusTeapot) // stops an endless loop
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"results":[%s],"meta":{"next_page_url":"http://x.example/?PageToken=%s"}}`,
				answer, next[r.URL.Query().Get("PageToken")])
		}))
		t.Cleanup(server.Close)
		c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials(account, token))
		if err != nil {
			t.Fatal(err)
		}
		list := c.ListTrustProduct(t.Context(), client.ListTrustProductRequest{})
		for range 2 { // a second loop starts from the first page
			asked = 0
			products, last := 0, error(nil)
			for _, err := range list {
				if last = err; err == nil {
					products++
				}
			}
			if last == nil || !strings.Contains(last.Error(), "earlier page") || asked != 4 || products != 4 {
				t.Errorf("back to %s: %d products, %d pages, error %v", back, products, asked, last)
			}
		}
	}
}
