package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentrusthub/trusthub/gen/server"
	"github.com/opentrusthub/trusthub/internal/app"
	"github.com/opentrusthub/trusthub/internal/certificates"
	"github.com/opentrusthub/trusthub/internal/hub"
)

// secure starts a server that speaks TLS, and returns a client that trusts it.
func secure(t *testing.T, config app.Config) (a *app.App, client *tls.Config) {
	t.Helper()
	certificate, authority, err := certificates.SelfSigned(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	config.Store, config.Now, config.Listen, config.Certificate = openStore(t), time.Now, "127.0.0.1:0", certificate
	if a, err = app.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return a, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10}
}

// TestTLS calls a server in each version of HTTP and with TLS versions that it takes and refuses.
func TestTLS(t *testing.T) {
	t.Parallel()
	a, trusting := secure(t, app.Config{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: trusting, ForceAttemptHTTP2: version == "HTTP/2.0"}
		for range 3 { // the later ones on the same connection
			got := request(t, transport, http.MethodGet, a, http.NoBody)
			if got.status != http.StatusOK || got.version != version {
				t.Errorf("%s: %s, status %d", version, got.version, got.status)
			}
			if want := `"url":"https://` + a.Addr().String() + `/v1/TrustProducts?`; !strings.Contains(got.body, want) {
				t.Errorf("%s: the page is %s, without %s", version, got.body, want)
			}
		}
		transport.CloseIdleConnections()
	}
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := trusting.Clone()
		config.MaxVersion = version
		c, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", a.Addr().String())
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
	stop()
	if err := errors.Join(<-ended, a.Close()); err != nil {
		t.Error(err)
	}
}

// response is the zero response after an error.
type response struct {
	status        int
	version, body string
}

// request sends a request to a server. The body is sent when the server reads it.
func request(t *testing.T, transport http.RoundTripper, method string, a *app.App, body io.Reader) response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+a.Addr().String()+"/v1/TrustProducts", body)
	if err != nil {
		t.Error(err)
		return response{}
	}
	r.Header.Set("Expect", "100-continue")
	r.SetBasicAuth(account.SID, account.AuthToken)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	got, err := transport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return response{}
	}
	text, err := io.ReadAll(got.Body)
	if err := errors.Join(err, got.Body.Close()); err != nil {
		t.Error(err)
	}
	return response{got.StatusCode, got.Proto, string(text)}
}

// lists is a hub whose lists wait until the test releases them.
type lists struct {
	*hub.Hub
	begun, goOn chan struct{}
}

func (l lists) ListTrustProduct(
	ctx context.Context, r server.ListTrustProductRequestObject,
) (server.ListTrustProductResponseObject, error) {
	close(l.begun)
	<-l.goOn
	return l.Hub.ListTrustProduct(ctx, r)
}

// TestStopHTTP2 stops a server that has two requests of one HTTP/2 connection: one whose body does not arrive, which must not
// keep the server from stopping, and one that takes its time, whose response must not be cut off by the other.
func TestStopHTTP2(t *testing.T) {
	t.Parallel()
	begun, goOn := make(chan struct{}), make(chan struct{})
	a, trusting := secure(t, app.Config{
		Wrap: func(h *hub.Hub) server.StrictServerInterface { return lists{h, begun, goOn} },
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	transport := &http.Transport{TLSClientConfig: trusting, ForceAttemptHTTP2: true, ExpectContinueTimeout: time.Minute}
	listed, created := make(chan response, 1), make(chan response, 1)
	go func() { listed <- request(t, transport, http.MethodGet, a, http.NoBody) }()
	<-begun
	body, sender := io.Pipe()
	defer sender.Close() //nolint:errcheck // never fails
	go func() { created <- request(t, transport, http.MethodPost, a, body) }()
	if _, err := io.WriteString(sender, "FriendlyName="); err != nil { // returns once the server reads the body
		t.Fatal(err)
	}
	stop()
	if got := <-created; got.status != http.StatusBadRequest || got.version != "HTTP/2.0" {
		t.Errorf("the request without a body: %s, status %d", got.version, got.status)
	}
	close(goOn)
	if got := <-listed; got.status != http.StatusOK {
		t.Errorf("the request that takes its time: status %d", got.status)
	}
	if err := errors.Join(<-ended, a.Close()); err != nil {
		t.Error(err)
	}
}
