package eventstream_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/internal/eventstream"
)

// silent is a next that never returns a message.
func silent(ctx context.Context) ([]eventstream.Message, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestMessages writes messages of all forms, and then a heartbeat every 15 seconds until the reader leaves.
func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := eventstream.New(eventstream.DefaultConfig())
		stream, err := streams.Open()
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithTimeout(t.Context(), 46*time.Second)
		defer leave()
		w, sent := httptest.NewRecorder(), false
		err = stream.Serve(ctx, w, func(ctx context.Context) ([]eventstream.Message, error) {
			if sent {
				return silent(ctx)
			}
			sent = true
			return []eventstream.Message{
				{ID: "7", Data: map[string]string{"text": "two\nlines"}}, {Type: "missed", Data: 3}, {ID: "9"},
			}, nil
		})
		if err != nil {
			t.Error(err)
		}
		const want = "id: 7\ndata: {\"text\":\"two\\nlines\"}\n\nevent: missed\ndata: 3\n\nid: 9\n\n: alive\n\n: alive\n\n: alive\n\n"
		if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "text/event-stream" || !w.Flushed {
			t.Errorf("got %v\n%q\nwant\n%q", w.Header(), got, want)
		}
	})
}

// TestNextFails ends a stream with the error of next.
func TestNextFails(t *testing.T) {
	t.Parallel()
	stream, err := eventstream.New(eventstream.DefaultConfig()).Open()
	if err != nil {
		t.Fatal(err)
	}
	want := errors.New("no database")
	err = stream.Serve(t.Context(), httptest.NewRecorder(), func(context.Context) ([]eventstream.Message, error) { return nil, want })
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
}

// TestLimit refuses a stream too many, until one is closed, and all after Close.
func TestLimit(t *testing.T) {
	t.Parallel()
	config := eventstream.DefaultConfig()
	config.Max = 2
	streams := eventstream.New(config)
	first, err := streams.Open()
	_, second := streams.Open()
	_, third := streams.Open()
	first.Close()
	first.Close()
	_, fourth := streams.Open()
	_, fifth := streams.Open()
	streams.Close()
	_, last := streams.Open()
	if err := errors.Join(err, second, fourth); err != nil {
		t.Error(err)
	}
	if !errors.Is(third, eventstream.ErrTooMany) || !errors.Is(fifth, eventstream.ErrTooMany) || !errors.Is(last, eventstream.ErrClosed) {
		t.Errorf("the errors are %v, %v, %v", third, fifth, last)
	}
}

// served is a server whose handler is a stream, with short timeouts of its own.
type served struct {
	streams *eventstream.Streams
	url     string
	ended   chan error // gets what Serve returns
}

func serve(t *testing.T, config eventstream.Config, next func(context.Context) ([]eventstream.Message, error)) served {
	t.Helper()
	s := served{streams: eventstream.New(config), ended: make(chan error, 1)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream, err := s.streams.Open()
		if err != nil {
			t.Error(err)
			return
		}
		s.ended <- stream.Serve(r.Context(), w, next)
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.url = server.URL
	return s
}

// get sends a request, and returns the connection without having read the response.
func (s served) get(t *testing.T) net.Conn {
	t.Helper()
	address := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestOutlivesTimeouts: a stream goes on beyond the timeouts of the server, and ends when the server says so.
func TestOutlivesTimeouts(t *testing.T) {
	t.Parallel()
	config := eventstream.DefaultConfig()
	config.Heartbeat = 20 * time.Millisecond
	s := serve(t, config, silent)
	response, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read to its end
	body := bufio.NewReader(response.Body)
	for range 20 { // 400 ms
		if line, err := body.ReadString('\n'); line != ": alive\n" || err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := body.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	s.streams.Close()
	if err := <-s.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Errorf("the response was broken off: %v", err)
	}
}

// flood is a next that always has a message, of 64 KiB.
func flood(context.Context) ([]eventstream.Message, error) {
	return []eventstream.Message{{Data: strings.Repeat("x", 64<<10)}}, nil
}

// TestSlowReader disconnects a reader that does not read.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	config := eventstream.DefaultConfig()
	config.WriteTimeout = 200 * time.Millisecond
	s := serve(t, config, flood)
	conn := s.get(t)
	<-s.ended //nolint:errcheck // net/http may notice first, and then it is nil
	if _, err := s.streams.Open(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, conn); err == nil {
		t.Log("the connection was closed without a reset") // which is fine, too
	}
}

// TestCloseWhileWriting ends a stream that waits for its reader, long before that reader would be disconnected.
func TestCloseWhileWriting(t *testing.T) {
	t.Parallel()
	config := eventstream.DefaultConfig()
	config.WriteTimeout, config.StopTimeout = time.Hour, 10*time.Millisecond
	writing := make(chan struct{}, 1000)
	s := serve(t, config, func(ctx context.Context) ([]eventstream.Message, error) {
		writing <- struct{}{}
		return flood(ctx)
	})
	s.get(t)
	for blocked := false; !blocked; { // until the buffers of the connection are full
		select {
		case <-writing:
		case <-time.After(300 * time.Millisecond):
			blocked = true
		}
	}
	s.streams.Close()
	<-s.ended //nolint:errcheck // net/http may notice first, and then it is nil
}
