package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/opentrusthub/trusthub/internal/certificates"
)

// tlsFlags make the server speak TLS.
type tlsFlags struct {
	TLSCert       string `name:"tls-cert" env:"TRUSTHUB_TLS_CERT" placeholder:"FILE" help:"Certificate of the server in PEM, followed by those of intermediate authorities. The server then speaks HTTPS and HTTP/2 on all its addresses. A changed file is used without a restart."`
	TLSKey        string `name:"tls-key" env:"TRUSTHUB_TLS_KEY" placeholder:"FILE" help:"Private key of --tls-cert, in PEM."`
	TLSSelfSigned bool   `name:"tls-self-signed" help:"For tests: speak HTTPS with a certificate for loopback and the host of --listen, and say where the certificate of its authority is, which clients must trust. Each start makes a new one."`

	certificate *certificates.Source // nil without TLS
	authority   string               // file with the certificate of the authority that clients must trust, if it was made here
}

func (f *tlsFlags) validate() error {
	switch {
	case f.TLSSelfSigned && (f.TLSCert != "" || f.TLSKey != ""):
		return errors.New("--tls-self-signed cannot be used with --tls-cert and --tls-key")
	case (f.TLSCert == "") != (f.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key must be set together")
	}
	return nil
}

// load reads the certificate or makes it, and then puts that of the authority into a folder. The caller must call remove in the
// end.
func (f *tlsFlags) load(host, folder string) (remove func() error, err error) {
	remove = func() error { return nil }
	if f.TLSCert != "" {
		if f.certificate, err = certificates.Load(f.TLSCert, f.TLSKey, time.Now); err != nil {
			return remove, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
	}
	if !f.TLSSelfSigned {
		return remove, nil
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	var authority []byte
	if f.certificate, authority, err = certificates.SelfSigned(time.Now, host); err != nil {
		return remove, err
	}
	file, err := os.CreateTemp(folder, "trusthub-ca-*.pem")
	if err != nil {
		return remove, err
	}
	f.authority = file.Name()
	_, err = file.Write(authority)
	return func() error { return os.Remove(f.authority) }, errors.Join(err, file.Close())
}
