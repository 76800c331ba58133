package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"

	"github.com/opentrusthub/trusthub/internal/store"
)

// greet tells a person where the server is and how to get in. The token is shown only of an account that was made.
func (c *serveCmd) greet(w io.Writer, address net.Addr, made *store.Account) {
	url := localURL(address)
	if isUnspecified(address) {
		fmt.Fprintf(w, "Listening on all addresses of this machine, here %s\n\n", url)
	} else {
		fmt.Fprintf(w, "Listening on %s\n\n", url)
	}
	switch {
	case made != nil:
		fmt.Fprintf(w, `This database had no account, so one was made. Put its credentials into the environment, and keep the token to yourself:

  export TRUSTHUB_BASE_URL=%s TWILIO_ACCOUNT_SID=%s TWILIO_AUTH_TOKEN=%s

Create a Trust Product:

  curl -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" "$TRUSTHUB_BASE_URL/v1/TrustProducts" \
    -d FriendlyName=Acme -d Email=compliance@acme.example -d PolicySid=RN7a97559effdf62d00f4298208492a5ea

`, url, made.SID, made.AuthToken)
		return
	case c.AccountSID != "":
		fmt.Fprintf(w, "Serving account %s, from %s and %s.\n", c.AccountSID,
			c.source("account-sid", "TWILIO_ACCOUNT_SID"), c.source("auth-token", "TWILIO_AUTH_TOKEN"))
	default:
		fmt.Fprintln(w, "Serving the accounts in the database: 'trusthub accounts list --tokens' shows their credentials.")
	}
	fmt.Fprintf(w, `Have TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in the environment where you call it, and

  export TRUSTHUB_BASE_URL=%s

`, url)
}

// source names what has set a flag: the flag itself, or its variable.
func (c *serveCmd) source(flag, variable string) string {
	if slices.Contains(c.given, flag) {
		return "--" + flag
	}
	return variable
}

// localURL returns the URL that programs on this machine reach the server at.
func localURL(address net.Addr) string {
	host := address.String()
	if isUnspecified(address) {
		host = net.JoinHostPort("127.0.0.1", strconv.Itoa(address.(*net.TCPAddr).Port))
	}
	return "http://" + host
}

// isUnspecified reports whether the address stands for all of the machine's: 0.0.0.0 or [::].
func isUnspecified(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsUnspecified()
}
