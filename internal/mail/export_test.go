package mail

import (
	"context"
	"crypto/x509"
	"net"
)

// Reroute makes s connect to another address than its host's and trust other roots than the system's, so that a server on
// loopback can represent a remote one.
func (s *Sender) Reroute(dial func(ctx context.Context, network, address string) (net.Conn, error), roots *x509.CertPool) {
	s.dial, s.roots = dial, roots
}

// Line is line.
func Line(text string, limit int) string { return line(text, limit) }
