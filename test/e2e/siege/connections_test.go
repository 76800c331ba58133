package siege_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestUnauthenticatedConnections keeps all connections busy without an account. Requests with an account must be served at
// once.
func TestUnauthenticatedConnections(t *testing.T) {
	const wrong = "GET /v1/TrustProducts HTTP/1.1\r\nHost: hub.example\r\nAuthorization: Basic bm9ib2R5Om5vdGhpbmc=\r\n\r\n"
	for name, attack := range map[string]func(t *testing.T, conn net.Conn){
		"silent": func(*testing.T, net.Conn) {},
		"slow headers": func(t *testing.T, conn net.Conn) {
			send(t, conn, "POST /v1/TrustProducts HTTP/1.1\r\nHost: hub.example\r\nX-Slow: ")
		},
		"idle after 401": func(t *testing.T, conn net.Conn) { send(t, conn, wrong); receive(t, conn) },
	} {
		t.Run(name, func(t *testing.T) {
			limit := scale(256, 4096) // the full limit is the server's default
			server := start(t, program, sqlite(t), "--max-connections", strconv.Itoa(limit))
			siege(t, server, limit, attack)
		})
	}
}

// TestFewOpenFiles is the same attack on a system that allows fewer open files than connections.
func TestFewOpenFiles(t *testing.T) {
	limited := filepath.Join(t.TempDir(), "trusthub")
	script := fmt.Sprintf("#!/bin/sh\nulimit -n 200\nexec %q \"$@\"\n", program)
	if err := os.WriteFile(limited, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	siege(t, start(t, limited, sqlite(t)), 250, func(*testing.T, net.Conn) {})
}

// siege takes all connections, and takes each connection again after another request has used it.
func siege(t *testing.T, server *url.URL, limit int, attack func(t *testing.T, conn net.Conn)) {
	t.Helper()
	var dialer net.Dialer
	open := func() {
		conn, err := dialer.DialContext(t.Context(), "tcp", server.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		attack(t, conn)
	}
	for range limit {
		open()
	}
	times := make([]time.Duration, 20)
	for i := range times {
		times[i] = expectAtOnce(t, server)
		open()
	}
	slices.Sort(times)
	t.Logf("beside %d hostile connections, a request on a new connection takes %v (median), %v (slowest of %d)",
		limit, times[len(times)/2], times[len(times)-1], len(times))
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, conn net.Conn) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}
