package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// healthLimit is longer than the 3 seconds within which /healthz responds.
const healthLimit = 5 * time.Second

// healthCmd is for health checks where there is no curl, as in the image.
type healthCmd struct{ callFlags }

func (healthCmd) Help() string {
	return "It needs no credentials and waits for 5 seconds. Like the other commands, it trusts the authorities of SSL_CERT_FILE."
}

// Run prints "ok" if the server is healthy. Otherwise it returns an error.
func (c healthCmd) Run(ctx context.Context, out streams) error {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || base.User != nil || (base.Scheme != "http" && base.Scheme != "https") {
		return errors.New("--base-url must be an http or https URL without credentials")
	}
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("/healthz").String(), http.NoBody)
	if err != nil {
		return errors.New("invalid --base-url")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return c.unreachable(err)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not healthy: /healthz returns %s", response.Status)
	}
	_, err = fmt.Fprintln(out.out, "ok")
	return err
}

// unreachable explains why there is no response. Of a *url.Error, only the cause does not repeat the URL.
func (c healthCmd) unreachable(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("the server's certificate: %w", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no response within %v", healthLimit)
	}
	return c.explain(err)
}
