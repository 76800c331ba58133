package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/opentrusthub/trusthub/internal/trust"
)

const remote = "mail.relay.example" // a host that a Sender does not consider to be this machine

// certificate returns a self-signed certificate for name, and the pool that trusts it.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now() // the TLS library uses the real clock
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

// TestLogin: the login is sent only over TLS to a server with a valid certificate, or to this machine.
func TestLogin(t *testing.T) {
	good, trusted := certificate(t, remote)
	misnamed, trustedToo := certificate(t, "elsewhere.example")
	for name, test := range map[string]struct {
		url   string
		tls   *tls.Config // nil if the server has no TLS
		roots *x509.CertPool
		want  trust.Verdict
		code  int
	}{
		"local, in clear":                 {"smtp://" + login + "127.0.0.1:25", nil, nil, trust.Delivered, 250},
		"local by name, unused STARTTLS":  {"smtp://" + login + "LocalHost:25", good, nil, trust.Delivered, 250},
		"wrong password":                  {"smtp://relay:hunter3@127.0.0.1:25", nil, nil, trust.TryAgain, 535},
		"STARTTLS":                        {"smtp://" + login + remote, good, trusted, trust.Delivered, 250},
		"STARTTLS, wrong password":        {"smtp://relay:hunter3@" + remote, good, trusted, trust.TryAgain, 535},
		"STARTTLS, self-signed":           {"smtp://" + login + remote, good, nil, trust.TryAgain, 0},
		"STARTTLS, another's certificate": {"smtp://" + login + remote, misnamed, trustedToo, trust.TryAgain, 0},
		"no STARTTLS":                     {"smtp://" + login + remote, nil, nil, trust.TryAgain, 0},
		"no STARTTLS, no login":           {"smtp://" + remote, nil, nil, trust.TryAgain, 0},
		"smtps":                           {"smtps://" + login + remote, good, trusted, trust.Delivered, 250},
		"smtps, wrong password":           {"smtps://relay:hunter3@" + remote, good, trusted, trust.TryAgain, 535},
		"smtps, self-signed":              {"smtps://" + login + remote, good, nil, trust.TryAgain, 0},
		"smtps, self-signed, local":       {"smtps://" + login + "localhost", good, nil, trust.TryAgain, 0},
		"smtps, another's certificate":    {"smtps://" + login + remote, misnamed, trustedToo, trust.TryAgain, 0},
		"smtps, a server without TLS":     {"smtps://" + login + remote, nil, nil, trust.TryAgain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := &server{logins: true}
			if strings.HasPrefix(test.url, "smtps:") {
				srv.tls = test.tls
			}
			srv.start(t, func(s *smtp.Server) { s.TLSConfig = test.tls })
			s := sender(t, test.url, within(2*time.Second))
			s.Reroute(srv.dial, test.roots)
			attempt := s.Send(t.Context(), approved())
			if attempt.Verdict != test.want || attempt.StatusCode != test.code || !attempt.Connected {
				t.Errorf("%+v", attempt)
			}
			if strings.Contains(attempt.Answer+attempt.Error, "hunter") {
				t.Errorf("the attempt has the password: %+v", attempt)
			}
			heard, logins := srv.wire()
			if taken := len(srv.messages()) == 1; taken != (test.want == trust.Delivered) {
				t.Errorf("message accepted: %t", taken)
			}
			if tried := len(logins) > 0; tried != (test.code != 0) {
				t.Errorf("logins seen: %q", logins)
			}
			local := strings.HasPrefix(attempt.Answer, "250") && test.roots == nil
			if inClear(heard) && !local && name != "wrong password" {
				t.Errorf("seen on the wire: %q", heard)
			}
		})
	}
}

// inClear reports whether the received bytes have a login or a mail in clear text.
func inClear(heard string) bool {
	return slices.ContainsFunc([]string{"AUTH ", "MAIL ", password, base64.StdEncoding.EncodeToString([]byte(password))},
		func(s string) bool { return strings.Contains(heard, s) })
}

func TestWhereItConnects(t *testing.T) {
	stop := errors.New("far enough")
	for url, want := range map[string]string{
		"smtp://relay.example": "relay.example:587", "smtps://relay.example": "relay.example:465",
		"smtp://u:p@relay.example:2525": "relay.example:2525", "smtp://[::1]": "[::1]:587", "smtp://LOCALHOST:25": "localhost:25",
	} {
		var got string
		s := sender(t, url)
		s.Reroute(func(_ context.Context, _, address string) (net.Conn, error) {
			got = address
			return nil, stop
		}, nil)
		if attempt := s.Send(t.Context(), approved()); got != want || attempt.Verdict != trust.TryAgain || attempt.Connected {
			t.Errorf("%s connects to %q, want %q: %+v", url, got, want, attempt)
		}
	}
}

// TestLocalhostElsewhere: if localhost resolves to another machine, nothing is sent.
func TestLocalhostElsewhere(t *testing.T) {
	srv := new(server).start(t)
	s := sender(t, "smtp://"+login+"localhost:25")
	s.Reroute(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := srv.dial(ctx, network, address)
		return elsewhere{conn}, err
	}, nil)
	if attempt := s.Send(t.Context(), approved()); attempt.Verdict != trust.TryAgain || attempt.Error == "" {
		t.Errorf("%+v", attempt)
	}
	if heard, _ := srv.wire(); heard != "" {
		t.Errorf("heard %q", heard)
	}
}

type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
