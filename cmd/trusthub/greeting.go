package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/trust"
)

// greet prints the server's URL, how to call it, and at the first start how to log in to the console. It shows the token of an
// account only if the server has just created it.
func (c *serveCmd) greet(w io.Writer, s started) {
	c.greetCallers(w, c.localURL(s.address), s)
	if s.console != "" {
		fmt.Fprintf(w, "See what happens in a browser. This link works once, within 5 minutes; 'trusthub console' prints another:\n\n  %s\n\n", s.console)
	}
}

func (c *serveCmd) greetCallers(w io.Writer, url string, s started) {
	made := s.made
	if isUnspecified(s.address) {
		fmt.Fprintf(w, "Listening on all addresses of this machine, locally at %s\n\n", url)
	} else {
		fmt.Fprintf(w, "Listening on %s\n\n", url)
	}
	if c.authority != "" {
		fmt.Fprintf(w, "Clients must trust the certificate of its authority, for example with curl --cacert, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS:\n\n"+
			"  %s\n\n", c.authority)
	}
	switch {
	case made != nil:
		fmt.Fprintf(w, `The database had no account, so one was created. Set its credentials in the environment, and keep the token secret:

  export TRUSTHUB_BASE_URL=%s TWILIO_ACCOUNT_SID=%s TWILIO_AUTH_TOKEN=%s

Its Primary Customer Profile is approved: %s

Create a Trust Product:

  curl -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" "$TRUSTHUB_BASE_URL/v1/TrustProducts" \
    -d FriendlyName=Acme -d Email=compliance@acme.example -d PolicySid=RN7a97559effdf62d00f4298208492a5ea

`, url, made.SID, made.AuthToken, trust.PrimarySID(made.SID))
		return
	case c.AccountSID != "":
		fmt.Fprintf(w, "Serving account %s, given by %s and %s.\n", c.AccountSID,
			c.source("account-sid", "TWILIO_ACCOUNT_SID"), c.source("auth-token", "TWILIO_AUTH_TOKEN"))
		fmt.Fprintf(w, "Its Primary Customer Profile is approved: %s\n", trust.PrimarySID(c.AccountSID))
	default:
		fmt.Fprintln(w, "Serving the accounts in the database. 'trusthub accounts list --tokens' shows their credentials and their "+
			"Primary Customer Profiles.")
	}
	fmt.Fprintf(w, `To call it, set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in the environment, and

  export TRUSTHUB_BASE_URL=%s

`, url)
}

// source returns where the value of a flag comes from: the command line or a variable.
func (c *serveCmd) source(flag, variable string) string {
	if slices.Contains(c.given, flag) {
		return "--" + flag
	}
	return variable
}

// localURL returns the server's URL for programs on this machine.
func (c *serveCmd) localURL(address net.Addr) string {
	host := address.String()
	if isUnspecified(address) {
		host = net.JoinHostPort("127.0.0.1", strconv.Itoa(address.(*net.TCPAddr).Port))
	}
	if c.certificate != nil {
		return "https://" + host
	}
	return "http://" + host
}

// isUnspecified reports whether the address stands for all addresses of the machine: 0.0.0.0 or [::].
func isUnspecified(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsUnspecified()
}
