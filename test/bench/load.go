package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is a closed loop: each connection sends its next request after the response to the last. It does not use net/http, whose
// client would cost as much as the server under test.
type load struct {
	address     string
	connections int
	status      int                                    // that every response must have
	request     func(buffer []byte, number int) []byte // appends the request with this number, from 0, to the buffer
	answered    func()                                 // if not nil, called after each response, concurrently
}

// loaded is the result of a load.
type loaded struct {
	latencies []time.Duration
	elapsed   time.Duration
}

func (l loaded) perSecond() float64 { return float64(len(l.latencies)) / l.elapsed.Seconds() }

// lasting sends requests for a duration.
func (l load) lasting(ctx context.Context, d time.Duration) (loaded, error) {
	end := time.Now().Add(d)
	return l.while(ctx, func(int) bool { return time.Now().Before(end) })
}

// times sends a number of requests.
func (l load) times(ctx context.Context, n int) (loaded, error) {
	return l.while(ctx, func(number int) bool { return number < n })
}

// while sends requests as long as the condition is true for their number.
func (l load) while(ctx context.Context, more func(number int) bool) (loaded, error) {
	connections := make([]*connection, l.connections)
	for i := range connections {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.address)
		if err != nil {
			return loaded{}, err
		}
		defer conn.Close() //nolint:errcheck // all is read
		connections[i] = &connection{Conn: conn, reader: bufio.NewReader(conn)}
	}
	var (
		number atomic.Int64
		mu     sync.Mutex
		all    loaded
	)
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range connections {
		group.Go(func() error {
			defer context.AfterFunc(ctx, func() { _ = c.Close() })() // ends a blocked read
			var mine []time.Duration
			for n := int(number.Add(1) - 1); more(n); n = int(number.Add(1) - 1) {
				latency, err := l.one(c, n)
				if err != nil {
					return err
				}
				mine = append(mine, latency)
			}
			mu.Lock()
			defer mu.Unlock()
			all.latencies = append(all.latencies, mine...)
			return nil
		})
	}
	err := group.Wait()
	all.elapsed = time.Since(start)
	return all, err
}

func (l load) one(c *connection, number int) (time.Duration, error) {
	c.buffer = l.request(c.buffer[:0], number)
	start := time.Now()
	status, err := c.roundTrip(c.buffer)
	latency := time.Since(start)
	switch {
	case err != nil:
		return 0, fmt.Errorf("request %d: %w", number, err)
	case status != l.status:
		return 0, fmt.Errorf("request %d: status %d, want %d", number, status, l.status)
	}
	if l.answered != nil {
		l.answered()
	}
	return latency, nil
}

// connection implements as much of HTTP/1.1 as the server's short responses need.
type connection struct {
	net.Conn
	reader *bufio.Reader
	buffer []byte // of the request, reused
}

// roundTrip sends a request, reads the whole response, and returns its status.
func (c *connection) roundTrip(request []byte) (status int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if len(line) < len("HTTP/1.1 201") {
				return 0, fmt.Errorf("the response starts with %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, err
			}
			continue
		}
		if len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("the response with status %d has no Content-Length", status)
	}
	_, err = c.reader.Discard(length)
	return status, err
}
