package console

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// contentPolicy lets a page load from and send to this server only, and has no exceptions for inline scripts or styles.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm and maxFields bound a form.
const (
	maxForm   = 64 << 10
	maxFields = 1100
)

// safe returns a handler that refuses what other sites make a browser send, and sets the headers of every response.
func (c *Console) safe(next http.Handler) (http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	if origin := originOf(c.PublicURL); origin != "" { // a proxy may rewrite Host
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.fail(w, r, errForeignSite) }))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		// Not no-referrer: a browser would then send the Origin null with forms, and over plain HTTP nothing else that proves
		// that they come from here.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !c.knownHost(r.Host) {
			c.fail(w, r, errForeignHost)
			return
		}
		protected.ServeHTTP(w, r)
	}), nil
}

// originOf returns scheme, host and port of a URL, or an empty string.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// knownHost reports whether a request is for a name of this machine, if only this machine can reach the console. Otherwise a site
// could have its own name resolve to 127.0.0.1, and its scripts would be of the same origin (DNS rebinding).
func (c *Console) knownHost(host string) bool {
	if !c.Loopback {
		return true
	}
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
		return true
	}
	name := hostname(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}

// hostname returns a Host header without its port.
func hostname(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// form returns a handler for forms only, whose size it bounds.
func (c *Console) form(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			c.fail(w, r, errNoForm)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err = r.ParseForm()
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || fields(r.PostForm) > maxFields {
			c.fail(w, r, errLargeForm)
			return
		}
		if err != nil {
			c.fail(w, r, errNoForm)
			return
		}
		next(w, r)
	}
}

func fields(form url.Values) (count int) {
	for _, values := range form {
		count += len(values)
	}
	return count
}
