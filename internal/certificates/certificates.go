// Package certificates provides the certificate of a TLS server: from a pair of files, which may change, or one of its own for
// tests.
//
// # What it guarantees
//
//   - A changed pair of files is used within seconds, without a restart, also if a symbolic link in the path was changed, as
//     Kubernetes does. Connections that are open keep theirs.
//   - A pair that cannot be used is logged, and the last good one is kept.
//   - The log says in time that the certificate ends: in the last third of its life, but at most 30 days before.
//
// # What it does not do
//
// It gets no certificates from an authority (ACME): a proxy or a program such as certbot does.
package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

const (
	checkInterval = 5 * time.Second // for changes of the files
	warnInterval  = 24 * time.Hour
	warnAhead     = 30 * 24 * time.Hour
	maxFileBytes  = 1 << 20
)

// Source has the certificate of a server. It is safe for concurrent use, except that Watch may be called only once at a time.
type Source struct {
	now      func() time.Time
	current  atomic.Pointer[tls.Certificate]
	certFile string // empty if the certificate is not from files
	keyFile  string
	used     pair // what current was made of
	refused  pair // the last one that could not be used
	told     bool // that refused cannot be used
	warned   time.Time
}

// pair is the content of the two files.
type pair struct{ cert, key []byte }

func (p pair) equal(q pair) bool { return bytes.Equal(p.cert, q.cert) && bytes.Equal(p.key, q.key) }

// Load reads a certificate, followed by those of the authorities between it and a root, and its private key, both in PEM. The
// clock must be a real one, as that of clients is.
func Load(certFile, keyFile string, now func() time.Time) (*Source, error) {
	s := &Source{now: now, certFile: certFile, keyFile: keyFile}
	files, err := s.read()
	if err != nil {
		return nil, err
	}
	return s, s.use(files)
}

// Config returns the configuration of a server that uses the certificate: TLS 1.2 and newer.
func (s *Source) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.current.Load(), nil },
	}
}

// Watch looks for changes of the files, and warns before the certificate ends, until ctx does.
func (s *Source) Watch(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		s.reload(log)
		s.warn(s.now(), log)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reload uses the files if they have changed. A pair that cannot be used is logged when it is found for the second time: between
// the writing of the two files, they do not fit together.
func (s *Source) reload(log *slog.Logger) {
	if s.certFile == "" {
		return
	}
	files, err := s.read()
	if err == nil {
		if files.equal(s.used) {
			s.refused, s.told = pair{}, false
			return
		}
		if err = s.use(files); err == nil {
			log.Info("the TLS certificate has changed", "not_after", s.current.Load().Leaf.NotAfter)
			return
		}
	}
	if again := files.equal(s.refused); again && !s.told {
		log.Error("the new TLS certificate cannot be used; the last one is kept", "cause", err.Error())
		s.told = true
	} else if !again {
		s.refused, s.told = files, false
	}
}

// read returns what the files contain.
func (s *Source) read() (files pair, err error) {
	if files.cert, err = readFile(s.certFile); err != nil {
		return pair{}, err
	}
	if files.key, err = readFile(s.keyFile); err != nil {
		return pair{}, err
	}
	return files, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s is not a file of at most 1 MiB", name)
	}
	return os.ReadFile(name) //nolint:gosec // G304: the operator names it
}

// use makes a pair the one that the server uses.
func (s *Source) use(files pair) error {
	certificate, err := tls.X509KeyPair(files.cert, files.key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", s.certFile, s.keyFile, err)
	}
	s.used, s.refused, s.told, s.warned = files, pair{}, false, time.Time{}
	s.current.Store(&certificate)
	return nil
}

// warn logs once a day that the certificate ends soon, or has ended.
func (s *Source) warn(now time.Time, log *slog.Logger) {
	leaf := s.current.Load().Leaf
	ahead := min(leaf.NotAfter.Sub(leaf.NotBefore)/3, warnAhead)
	left := leaf.NotAfter.Sub(now)
	if left > ahead || (!s.warned.IsZero() && now.Sub(s.warned) < warnInterval) {
		return
	}
	s.warned = now
	if left <= 0 {
		log.Error("the TLS certificate has expired", "not_after", leaf.NotAfter)
		return
	}
	log.Warn("the TLS certificate expires soon", "not_after", leaf.NotAfter)
}
