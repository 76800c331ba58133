package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/opentrusthub/trusthub/api/client"
)

func TestDo(t *testing.T) {
	c, last := newServer(t, http.StatusCreated, "application/json", answer)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/EndUsers?Draft=1", strings.NewReader("Type=x"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Idempotency-Key", "order-17")
	response, err := c.Do(request) //nolint:bodyclose // Do has read it
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("got %v, %v", response, err)
	}
	_, _, authenticated := last.BasicAuth()
	if last.Method != http.MethodPost || last.URL.String() != "/v1/EndUsers?Draft=1" || !authenticated ||
		last.Header.Get("Idempotency-Key") != "order-17" {
		t.Errorf("sent %s %s with %v", last.Method, last.URL, last.Header)
	}
	if request.URL.Host != "" || request.Header.Get("Authorization") != "" {
		t.Error("the caller's request was changed")
	}
}

// TestDoRefuses: credentials are sent only to URLs below the base URL.
func TestDoRefuses(t *testing.T) {
	c, last := newServer(t, http.StatusOK, "application/json", answer)
	for _, target := range []string{
		"https://elsewhere.example/v1/EndUsers", "//elsewhere.example/v1/EndUsers", "v1/EndUsers", "", "/", "/v1/../admin", "/v1//x",
		"/v1/EndUsers%2F..", "/v1/a%20b", "mailto:a@example.org",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(request); err == nil || last.Method != "" { //nolint:bodyclose // there is no response
			t.Errorf("%q was called, error %v", target, err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/EndUsers", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Idempotency-Key", "two words")
	if _, err := c.Do(request); err == nil || last.Method != "" { //nolint:bodyclose // there is no response
		t.Errorf("sent an invalid idempotency key, error %v", err)
	}
}

func TestDoKeepsThePrefixOfTheBaseURL(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path }))
	defer server.Close()
	c, err := client.New(client.WithBaseURL(server.URL+"/prefix"), client.WithCredentials("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Do(&http.Request{URL: &url.URL{Path: "/v1/EndUsers"}}); err != nil || path != "/prefix/v1/EndUsers" { //nolint:bodyclose // Do has read it
		t.Errorf("called %q, error %v", path, err)
	}
}

// A request without a method is a GET, which is repeated.
func TestDoWithoutMethod(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials("a", "b"),
		client.WithRetries(client.RetryPolicy{MaxAttempts: 2, BaseWait: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Do(&http.Request{URL: &url.URL{Path: "/v1/EndUsers"}}); err != nil || calls != 2 { //nolint:bodyclose // Do has read it
		t.Errorf("called %d times, error %v", calls, err)
	}
}

func TestDoList(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := `"https://elsewhere.example/v1/Policies?PageSize=2&PageToken=second"` // on a host that is not called
		items := `{"n":1.0},{"n":2}`
		if r.URL.Query().Get("PageToken") == "second" {
			next, items = "null", `{"n":3}`
		}
		if r.URL.Query().Get("Type") != "x" {
			t.Errorf("called %s", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"policies":[%s],"meta":{"key":"policies","next_page_url":%s}}`, items, next)
	}))
	defer server.Close()
	c, err := client.New(client.WithBaseURL(server.URL), client.WithCredentials("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/Policies?Type=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	list := c.List(request)
	for range 2 { // ranging over it again starts from the first page
		got := []string{}
		for item, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(*item))
		}
		if want := []string{`{"n":1.0}`, `{"n":2}`, `{"n":3}`}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestDoListInvalidPages(t *testing.T) {
	for _, body := range []string{answer, `{}`, `{"meta":{"key":"results"}}`, `{"meta":{},"results":[]}`, `{"meta":{"key":"results"},"results":{}}`} {
		c, _ := newServer(t, http.StatusOK, "application/json", body)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/Policies", nil)
		if err != nil {
			t.Fatal(err)
		}
		yielded := 0
		for item, err := range c.List(request) {
			yielded++
			if item != (*json.RawMessage)(nil) || err == nil {
				t.Errorf("%s: got %v, %v", body, item, err)
			}
		}
		if yielded != 1 {
			t.Errorf("%s: yielded %d times", body, yielded)
		}
	}
}
