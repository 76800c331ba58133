package operator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gen "github.com/opentrusthub/trusthub/gen/operator"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/control"
	"github.com/opentrusthub/trusthub/internal/mail"
	"github.com/opentrusthub/trusthub/internal/operator"
	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
	"github.com/opentrusthub/trusthub/test/kit/storetest"
)

// liveServer is a server that listens.
type liveServer struct {
	app   *app.App
	stop  context.CancelFunc
	ended chan error // gets what Run returns
}

func startLive(t *testing.T, config app.Config) *liveServer {
	t.Helper()
	if err := config.Store.PutAccount(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	config.Listen, config.Operator, config.RequestLog = "127.0.0.1:0", app.Operator{Token: operatorToken}, 100
	if config.Control == nil {
		config.Now = time.Now
	}
	a, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &liveServer{a, stop, make(chan error, 1)}
	go func() { s.ended <- errors.Join(a.Run(ctx), a.Close()); close(s.ended) }()
	t.Cleanup(func() {
		stop()
		if err := <-s.ended; err != nil { // nil if the test has received it
			t.Error(err)
		}
	})
	return s
}

// message is a message of a stream.
type message struct{ id, kind, data string }

// reader reads a stream.
type reader struct {
	*http.Response

	lines *bufio.Reader
}

// open requests a path of the operator API, which the test drops at its end.
func (s *liveServer) open(t *testing.T, path, lastEventID string) reader {
	t.Helper()
	ctx, drop := context.WithCancel(context.Background())
	t.Cleanup(drop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.app.Addr().String()+"/operator/v1/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return reader{response, bufio.NewReader(response.Body)}
}

// next returns the next message with data, and io.EOF at the end of the stream.
func (r reader) next() (m message, err error) {
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.kind = value
		case "data":
			m.data = value
		case "":
			if m.data != "" {
				return m, nil
			}
		}
	}
}

func (r reader) want(t *testing.T) message {
	t.Helper()
	m, err := r.next()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// event returns the event that a message has.
func (m message) event(t *testing.T) gen.Event {
	t.Helper()
	var e gen.Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil || m.kind != "" || m.id == "" {
		t.Fatalf("%+v: %v", m, err)
	}
	return e
}

func createBundle(t *testing.T, s *store.Store, sid string) {
	t.Helper()
	if err := s.Bundles.Create(t.Context(), trust.Bundle{
		SID: sid, Kind: trust.TrustProduct, AccountSID: alice.SID, Status: trust.Draft, Created: start, Updated: start,
	}); err != nil {
		t.Fatal(err)
	}
}

func rename(ctx context.Context, s *store.Store, sid, name string) error {
	_, err := s.UpdateBundle(ctx, store.BundlesOf(alice.SID, trust.TrustProduct), sid, func(b trust.Bundle) (trust.Outcome, error) {
		return trust.Policy{}.Apply(b, trust.Change{FriendlyName: &name, RequestID: name}, trust.AccountHolder, start)
	})
	return err
}

const bundleSID = "BU00000000000000000000000000000001"

// TestDroppedConnections reads all changes, which go on meanwhile on this and on another connection to the database, over a hundred
// connections that break after a few messages. It gets each change once, and those of one bundle in their order.
func TestDroppedConnections(t *testing.T) {
	t.Parallel()
	for engine, database := range storetest.Names() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			name := database(t)
			db, other := storetest.Open(t, name), storetest.Open(t, name)
			s := startLive(t, app.Config{Store: db})
			const bundles, drops = 5, 100
			sid := func(i int) string { return fmt.Sprintf("BU%032d", i) }
			for i := range bundles {
				createBundle(t, db, sid(i))
			}
			dropped := make(chan struct{})
			var writing sync.WaitGroup
			var written [4]int
			for w := range written {
				writing.Go(func() {
					for {
						select {
						case <-dropped:
							return
						case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond): // so that readers catch up now and then
						}
						if err := rename(t.Context(), []*store.Store{db, other}[w%2], sid(rand.IntN(bundles)),
							fmt.Sprint(w, "-", written[w])); err != nil {
							t.Error(err)
							return
						}
						written[w]++
					}
				})
			}
			seen, numbers, lastID := map[string]bool{}, map[string]int64{}, "0"
			read := func(r reader) {
				m := r.want(t)
				e := m.event(t)
				if seen[*e.RequestID] || e.Number != max(numbers[e.BundleSID], 1)+1 {
					t.Errorf("after %s and number %d: %+v", lastID, numbers[e.BundleSID], m)
				}
				seen[*e.RequestID], numbers[e.BundleSID], lastID = true, e.Number, m.id
			}
			for range drops {
				r := s.open(t, "events", lastID)
				for range rand.IntN(8) {
					read(r)
				}
				_ = r.Body.Close() // drops the connection
			}
			close(dropped)
			writing.Wait()
			total := 0
			for _, n := range written {
				total += n
			}
			r := s.open(t, "events?after=0", lastID)
			for len(seen) < total && !t.Failed() {
				read(r)
			}
			t.Logf("%d changes", total)
		})
	}
}

// TestStreamsEndAtShutdown stops a server with open streams: they end at once, as responses that are complete.
func TestStreamsEndAtShutdown(t *testing.T) {
	t.Parallel()
	s := startLive(t, app.Config{Store: storetest.Open(t, storetest.Names()["sqlite"](t))})
	events, requests := s.open(t, "events", ""), s.open(t, "requests/stream", "")
	begun := time.Now()
	s.stop()
	for _, r := range []reader{events, requests} {
		if m, err := r.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > 3*time.Second { // arrivalTime, which others have, is 4 s
		t.Errorf("it stopped after %s", d)
	}
}

// TestTooManyStreams refuses the 129th stream, and the 17th of requests, until one ends.
func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	contracts := loadContracts(t)
	s := startLive(t, app.Config{Store: storetest.Open(t, storetest.Names()["sqlite"](t))})
	wantRefused := func(path string) {
		t.Helper()
		r := s.open(t, path, "")
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, %v: %s", path, r.StatusCode, err, body)
		}
		if err := contracts.operators.Check(r.Request, r.StatusCode, r.Header, body); err != nil {
			t.Error(err)
		}
	}
	for range 16 {
		if r := s.open(t, "requests/stream", ""); r.StatusCode != http.StatusOK {
			t.Errorf("status %d", r.StatusCode)
		}
	}
	wantRefused("requests/stream")
	var last reader
	for range 128 - 16 {
		if last = s.open(t, "events", ""); last.StatusCode != http.StatusOK {
			t.Errorf("status %d", last.StatusCode)
		}
	}
	wantRefused("events")
	_ = last.Body.Close()
	for { // until the server notices
		r := s.open(t, "events", "")
		if r.StatusCode == http.StatusOK {
			return
		}
		_ = r.Body.Close()
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("its place stays taken")
		}
	}
}

// TestStreamsOverReset resets a server in test mode, which does not wait for open streams. They go on, and say that they have missed
// something.
func TestStreamsOverReset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		c := control.New(control.NewClock(start, time.Now), nil)
		s := startLive(t, app.Config{Store: db, Control: c})
		createBundle(t, db, bundleSID)
		r := s.open(t, "events", "")
		if err := rename(t.Context(), db, bundleSID, "before"); err != nil {
			t.Fatal(err)
		}
		if e := r.want(t).event(t); *e.RequestID != "before" {
			t.Errorf("%+v", e)
		}
		if err := c.Reset(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if m := r.want(t); m.kind != "missed" || m.data != `{"missed":1}` || m.id != "2" {
			t.Errorf("%+v", m)
		}
		createBundle(t, db, bundleSID)
		if err := rename(t.Context(), db, bundleSID, "after"); err != nil {
			t.Fatal(err)
		}
		m := r.want(t)
		if e := m.event(t); *e.RequestID != "after" || m.id != "3" {
			t.Errorf("%+v", m)
		}
	})
}

// TestRequestStream follows requests as they come, and resumes after those that were read.
func TestRequestStream(t *testing.T) {
	t.Parallel()
	s := startLive(t, app.Config{Store: storetest.Open(t, storetest.Names()["sqlite"](t))})
	request := func(query string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.app.Addr().String()+"/v1/TrustProducts?"+query,
			http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(alice.SID, alice.AuthToken)
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	wantValue := func(m message, want string) {
		t.Helper()
		if !strings.Contains(m.data, `"value":"`+want+`"`) {
			t.Errorf("%+v, want the request with %s", m, want)
		}
	}
	request("Status=zero")
	live := s.open(t, "requests/stream?status=400", "")
	request("Status=one")
	request("PageSize=1") // is valid
	request("Status=two")
	first := live.want(t)
	wantValue(first, "one")
	wantValue(live.want(t), "two")
	request("Status=three")
	resumed := s.open(t, "requests/stream?status=400&after=0", first.id)
	wantValue(resumed.want(t), "two")
	wantValue(resumed.want(t), "three")
	if m := s.open(t, "requests/stream?status=400", "5").want(t); m.kind != "missed" || m.data != `{"missed":null}` {
		t.Errorf("%+v, want that an earlier process had others", m)
	}
}

// TestLocalHasNoStreams refuses a stream of a database without a server: its response is passed on when it ends.
func TestLocalHasNoStreams(t *testing.T) {
	t.Parallel()
	transport, err := operator.Local(storetest.Open(t, storetest.Names()["sqlite"](t)), mail.Composer{}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, serverURL+"/operator/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err == nil {
		_ = response.Body.Close()
		t.Errorf("status %d", response.StatusCode)
	}
}
