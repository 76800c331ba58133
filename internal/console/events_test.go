package console_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// TestFollow reads the stream of a page: it says the mark of the page, then another one after each change, and the page has that
// when it is fetched again.
func TestFollow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		s := loggedIn(t, db)
		server := httptest.NewServer(s.handler)
		defer server.Close()
		page := func() string {
			return between(t, s.send(t, "GET", "/console/bundles", "").Body.String(), `data-mark="`, `"`)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/console/events?of=database", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.AddCookie(s.cookies[0])
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // the server ends it
		if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Fatalf("the type is %s", got)
		}
		lines := bufio.NewScanner(response.Body)
		next := func() string {
			for lines.Scan() {
				if mark, ok := strings.CutPrefix(lines.Text(), `data: "`); ok {
					return strings.TrimSuffix(mark, `"`)
				}
			}
			t.Fatal("the stream ended")
			return ""
		}
		first := next()
		if got := page(); got != first || first == "" {
			t.Errorf("the page has the mark %q, the stream says %q", got, first)
		}
		addBundle(t, db, "Acme", "a@acme.example")
		second := next()
		if got := page(); got != second || second == first {
			t.Errorf("after a change the page has the mark %q, the stream says %q, and %q before", got, second, first)
		}
		s.console.EndStreams()
		for lines.Scan() {
			continue
		}
		if got := s.send(t, "GET", "/console/events", "").Code; got != http.StatusServiceUnavailable {
			t.Errorf("a stream after the end gets status %d", got)
		}
	})
}

// TestStreamsNeedASession: without one, a browser is told not to try again.
func TestStreamsNeedASession(t *testing.T) {
	s := newSite(t, storetest.Open(t, storetest.Names()["sqlite"](t)))
	wantStatus(t, "a stream", s.send(t, "GET", "/console/events?of=database", ""), http.StatusNoContent, "")
}

// TestStreamEnds: a stream ends by itself, so that the session of its browser is checked now and then.
func TestStreamEnds(t *testing.T) {
	db := storetest.Open(t, storetest.Names()["sqlite"](t))
	s := loggedIn(t, db)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s.send(t, "GET", "/console/events", "")
		if took := time.Since(begin); took != 5*time.Minute {
			t.Errorf("the stream ended after %v", took)
		}
	})
}

// between returns the text between two others.
func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, before)
	inside, _, ended := strings.Cut(rest, after)
	if !found || !ended {
		t.Fatalf("%q is not in the text", before)
	}
	return inside
}
