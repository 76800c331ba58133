// Package nettest serves connections on loopback, for tests of how a sender copes with a misbehaving receiver.
//
// It guarantees that nothing listens after the test. It knows no protocol.
package nettest

import (
	"net"
	"testing"
)

// Listen accepts connections until the test ends, one after the other, calls serve with each and closes it. It returns the
// address: an IP address and a port.
func Listen(tb testing.TB, serve func(net.Conn)) string {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	tb.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}
