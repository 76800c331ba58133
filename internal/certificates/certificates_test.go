package certificates_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opentrusthub/trusthub/internal/certificates"
)

const day = 24 * time.Hour

// writePair writes a certificate with the given serial number and life, and its key.
func writePair(t *testing.T, folder string, serial int64, life time.Duration) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now(), NotAfter: time.Now().Add(life), DNSNames: []string{"hub.example"},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	write(t, folder, "tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, folder, "tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func write(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watched is a source that is being watched, within synctest.
type watched struct {
	*certificates.Source
	t   *testing.T
	log log
}

// log is a log that is read while it is written.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// watch starts with a clock that is ahead.
func watch(t *testing.T, folder string, ahead time.Duration) *watched {
	t.Helper()
	now := func() time.Time { return time.Now().Add(ahead) }
	source, err := certificates.Load(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), now)
	check(t, err)
	w := &watched{Source: source, t: t}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		source.Watch(ctx, slog.New(slog.NewTextHandler(&w.log, nil)))
		close(done)
	}()
	t.Cleanup(func() { stop(); <-done })
	return w
}

// serial returns that of the certificate which the server uses after some time.
func (w *watched) serial(after time.Duration) int64 {
	w.t.Helper()
	<-time.After(after)
	synctest.Wait()
	certificate, err := w.Config().GetCertificate(nil)
	check(w.t, err)
	return certificate.Leaf.SerialNumber.Int64()
}

func (w *watched) logged(text string) int { return strings.Count(w.log.String(), text) }

// TestReload changes the files, one after the other and by a symbolic link, and makes them unusable in between.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		writePair(t, folder, 1, 365*day)
		w := watch(t, folder, 0)
		if got := w.serial(0); got != 1 {
			t.Errorf("certificate %d, want 1", got)
		}
		writePair(t, folder, 2, 365*day)
		if got := w.serial(10 * time.Second); got != 2 {
			t.Errorf("certificate %d, want 2, which has replaced 1", got)
		}
		other := t.TempDir()
		writePair(t, other, 3, 365*day)
		key, err := os.ReadFile(filepath.Join(other, "tls.key"))
		check(t, err)
		write(t, folder, "tls.key", key)
		if got := w.serial(5 * time.Second); got != 2 || w.logged("cannot be used") != 0 {
			t.Errorf("certificate %d while the files are written; the log is %s", got, &w.log)
		}
		if got := w.serial(time.Minute); got != 2 || w.logged("level=ERROR") != 1 {
			t.Errorf("certificate %d with a key that is not its own; the log is %s", got, &w.log)
		}
		check(t, os.Remove(filepath.Join(folder, "tls.crt")))
		if got := w.serial(time.Minute); got != 2 || w.logged("no such file") != 1 {
			t.Errorf("certificate %d without a file; the log is %s", got, &w.log)
		}
		writePair(t, folder, 4, 365*day)
		if got := w.serial(10 * time.Second); got != 4 || w.logged("level=INFO") != 2 {
			t.Errorf("certificate %d, want 4; the log is %s", got, &w.log)
		}
	})
}

// TestReloadKubernetes changes a mounted secret as Kubernetes does: the files are links into a folder that is itself a link,
// which is replaced.
func TestReloadKubernetes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		for serial, version := range []string{"..first", "..second"} {
			check(t, os.Mkdir(filepath.Join(folder, version), 0o700))
			writePair(t, filepath.Join(folder, version), int64(serial), 365*day)
		}
		check(t, os.Symlink("..first", filepath.Join(folder, "..data")))
		for _, name := range []string{"tls.crt", "tls.key"} {
			check(t, os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)))
		}
		w := watch(t, folder, 0)
		check(t, os.Symlink("..second", filepath.Join(folder, "..data_tmp")))
		check(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
		if got := w.serial(10 * time.Second); got != 1 {
			t.Errorf("certificate %d, want that of the second version", got)
		}
	})
}

// TestExpiry: the log warns once a day before the end, and says when it has come.
func TestExpiry(t *testing.T) {
	for name, test := range map[string]struct{ life, until time.Duration }{ // until the first warning
		"a certificate of a year":     {365 * day, 335 * day},
		"a certificate of three days": {3 * day, 2 * day},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				folder := t.TempDir()
				writePair(t, folder, 1, test.life)
				w := watch(t, folder, test.until-time.Hour)
				if w.serial(59 * time.Minute); w.logged("level=WARN") != 0 {
					t.Errorf("too early: %s", &w.log)
				}
				if w.serial(2 * time.Minute); w.logged("level=WARN") != 1 {
					t.Errorf("no warning, or too many: %s", &w.log)
				}
				if w.serial(22 * time.Hour); w.logged("level=WARN") != 1 {
					t.Errorf("more than one warning in a day: %s", &w.log)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				folder := t.TempDir()
				writePair(t, folder, 1, test.life)
				w := watch(t, folder, test.life-time.Hour)
				if w.serial(2 * time.Hour); w.logged("level=WARN") != 1 || w.logged("level=ERROR") != 0 {
					t.Errorf("within a day: %s", &w.log)
				}
				if w.serial(day); w.logged("level=ERROR") != 1 {
					t.Errorf("after the end: %s", &w.log)
				}
			})
		})
	}
}

// TestLoadFails: a pair that cannot be used keeps the server from starting, and the error names the file.
func TestLoadFails(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writePair(t, folder, 1, day)
	write(t, folder, "empty", nil)
	for _, test := range []struct{ cert, key, want string }{
		{"missing", "tls.key", "missing: no such file"},
		{"tls.crt", "empty", "failed to find any PEM data in key input"},
		{".", "tls.key", "is not a file"},
	} {
		_, err := certificates.Load(filepath.Join(folder, test.cert), filepath.Join(folder, test.key), time.Now)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s and %s: the error is %v, want %q", test.cert, test.key, err, test.want)
		}
	}
}

// TestSelfSigned verifies the certificate as a client does that trusts nobody but the authority, by each name of the server.
func TestSelfSigned(t *testing.T) {
	t.Parallel()
	source, authority, err := certificates.SelfSigned(time.Now, "hub.example", "10.0.0.5")
	check(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatal("the authority's certificate is invalid")
	}
	certificate, err := source.Config().GetCertificate(nil)
	check(t, err)
	for name, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "hub.example": true, "10.0.0.5": true, "other.example": false,
	} {
		if _, err := certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
