package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
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
	status      int                                    // that every response must have; 0: 200 or 201
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
	var (
		number atomic.Int64
		mu     sync.Mutex
		all    loaded
	)
	start := time.Now()
	err := l.connected(ctx, func(_ context.Context, c *connection) error {
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
	all.elapsed = time.Since(start)
	return all, err
}

// connected calls use with each of the load's connections, concurrently.
func (l load) connected(ctx context.Context, use func(context.Context, *connection) error) error {
	connections := make([]*connection, l.connections)
	for i := range connections {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.address)
		if err != nil {
			return err
		}
		defer conn.Close() //nolint:errcheck // all is read
		connections[i] = &connection{Conn: conn, reader: bufio.NewReader(conn)}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range connections {
		group.Go(func() error {
			defer context.AfterFunc(ctx, func() { _ = c.Close() })() // ends a blocked read
			return use(ctx, c)
		})
	}
	return group.Wait()
}

// atRate is an open loop: it sends requests at a fixed rate from start on, for a duration, however long the responses take. It
// returns the latencies in the order in which the requests were due. They begin when a request was due, so that one that had to
// wait for a free connection counts with its wait.
func (l load) atRate(
	ctx context.Context, start time.Time, perSecond float64, d time.Duration,
) ([]time.Duration, error) {
	latencies := make([]time.Duration, int(perSecond*d.Seconds()))
	interval := time.Duration(float64(time.Second) / perSecond)
	var number atomic.Int64
	return latencies, l.connected(ctx, func(ctx context.Context, c *connection) error {
		wait := time.NewTimer(0)
		defer wait.Stop()
		for n := int(number.Add(1) - 1); n < len(latencies); n = int(number.Add(1) - 1) {
			due := start.Add(time.Duration(n) * interval)
			wait.Reset(time.Until(due))
			select {
			case <-wait.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if _, err := l.one(c, n); err != nil {
				return err
			}
			latencies[n] = time.Since(due)
		}
		return nil
	})
}

func (l load) one(c *connection, number int) (time.Duration, error) {
	c.buffer = l.request(c.buffer[:0], number)
	start := time.Now()
	status, err := c.roundTrip(c.buffer)
	latency := time.Since(start)
	switch {
	case err != nil:
		return 0, fmt.Errorf("request %d: %w", number, err)
	case l.status == 0 && status != http.StatusOK && status != http.StatusCreated, l.status != 0 && status != l.status:
		return 0, fmt.Errorf("request %d: unexpected status %d", number, status)
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
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 201") {
		return 0, fmt.Errorf("the response starts with %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length, chunked := -1, false
	for {
		if line, err = c.line(); err != nil {
			return 0, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = string(value) == "chunked"
		}
	}
	return status, c.skip(length, chunked)
}

// line returns the next line of a header, without its end. It is valid until the next read.
func (c *connection) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// skip reads a body.
func (c *connection) skip(length int, chunked bool) error {
	switch {
	case chunked:
		if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(c.reader)); err != nil {
			return err
		}
		_, err := c.line() // the end of the last chunk
		return err
	case length < 0:
		return errors.New("a response has no Content-Length")
	}
	_, err := c.reader.Discard(length)
	return err
}
