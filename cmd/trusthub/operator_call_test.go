package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	operatorapi "github.com/opentrusthub/trusthub/gen/operator"
)

// TestCollect reads lists page by page until the limit, and asks for no more than it needs.
func TestCollect(t *testing.T) {
	for _, test := range []struct{ items, limit, want, pages int }{
		{0, 0, 0, 1},
		{99, 0, 99, 1},
		{250, 0, 250, 3},
		{250, 1, 1, 1},
		{250, 100, 100, 1},
		{250, 101, 101, 2},
		{250, 300, 250, 3},
	} {
		pages := 0
		all, err := collect(test.limit, func(size *int64, token *string) ([]int, operatorapi.PageMeta, error) {
			pages++
			first, _ := strconv.Atoi(valueOf(token))
			var items []int
			for i := first; i < min(first+int(*size), test.items); i++ {
				items = append(items, i)
			}
			var meta operatorapi.PageMeta
			if next := first + len(items); next < test.items {
				meta.NextPageURL = new(fmt.Sprintf("http://elsewhere.example/x?page_token=%d", next))
			}
			return items, meta, nil
		})
		if err != nil || len(all) != test.want || pages != test.pages {
			t.Errorf("%d items, limit %d: got %d in %d pages, error %v", test.items, test.limit, len(all), pages, err)
		}
		for i, item := range all {
			if i != item {
				t.Fatalf("%d items, limit %d: item %d is %d", test.items, test.limit, i, item)
			}
		}
	}
}

// TestCollectEnds: pages that link in a circle, or nowhere, are an error.
func TestCollectEnds(t *testing.T) {
	for _, next := range []string{"http://h/?page_token=1", "http://h/", "%"} {
		all, err := collect(0, func(*int64, *string) ([]int, operatorapi.PageMeta, error) {
			return []int{1}, operatorapi.PageMeta{NextPageURL: &next}, nil
		})
		if err == nil {
			t.Errorf("%s: got %v", next, all)
		}
	}
}

// TestOtherServers: a response that is not an operator API's is an error of one line, and the token goes nowhere else.
func TestOtherServers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed a redirect to %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	for name, test := range map[string]struct {
		respond http.HandlerFunc
		want    string
	}{
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			},
			"HTTP 307: Temporary Redirect",
		},
		"a proxy's error": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadGateway)
				_, _ = io.WriteString(w, "<html>bad gateway</html>")
			},
			"HTTP 502: Bad Gateway",
		},
		"a page": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello</html>") },
			"HTTP 200: the response is not that of an operator API",
		},
		"a failure": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Twilio-Request-Id", "RQ1")
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, `{"code":20500,"message":"An internal error occurred"}`)
			},
			"HTTP 500, error 20500: An internal error occurred (request RQ1)",
		},
		"a response that does not end": {
			func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(bytes.Repeat([]byte(" "), maxResponseBytes+1))
			},
			"the response is longer than 16 MiB",
		},
		"a broken response": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "10")
				_, _ = io.WriteString(w, "{")
			},
			"incomplete response: unexpected EOF",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.respond)
			defer server.Close()
			code, out, errs := runWith(t, map[string]string{"TRUSTHUB_OPERATOR_URL": server.URL, "TRUSTHUB_OPERATOR_TOKEN": "secret"}, "reviews")
			want := fmt.Sprintf("on %s\ntrusthub: %s\n", server.URL, test.want)
			if code != 1 || out != "" || errs != want {
				t.Errorf("status %d: %s%s, want %s", code, out, errs, want)
			}
			if strings.Contains(errs, "secret") {
				t.Error("the token is shown")
			}
		})
	}
}
