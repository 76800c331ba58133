package console

import (
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/opentrusthub/trusthub/internal/store"
	"github.com/opentrusthub/trusthub/internal/trust"
)

// homePage tells a newcomer what to do first, with commands for this server, and shows the newest bundles.
func (c *Console) homePage() page {
	return page{template: "home.html", follows: followsDatabase, show: c.showHome}
}

type homeData struct {
	BaseURL    string // of the API
	AccountSID string // of the first account; empty without accounts
	TestMode   bool
	Newest     []trust.Bundle
}

func (c *Console) showHome(r *http.Request) (view, error) {
	const newest = 5
	found, err := c.Store.SearchBundles(r.Context(), store.BundleFilter{}, "", newest)
	if err != nil {
		return view{}, err
	}
	data := homeData{BaseURL: c.apiURL(r), Newest: found.Bundles, TestMode: c.Control != nil}
	accounts, err := c.Store.AccountsAfter(r.Context(), store.Place{}, 1)
	if err != nil {
		return view{}, err
	}
	if len(accounts) > 0 {
		data.AccountSID = accounts[0].SID
	}
	return view{title: "Start", data: data}, nil
}

// plainHost matches hosts that are safe in a command line.
var plainHost = regexp.MustCompile(`^[0-9A-Za-z.-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)

// apiURL returns the URL at which this browser's machine reaches the API of customers.
func (c *Console) apiURL(r *http.Request) string {
	if c.APIURL != "" {
		return strings.TrimSuffix(c.APIURL, "/")
	}
	scheme, host := "http://", r.Host
	if r.TLS != nil {
		scheme = "https://"
	}
	if !plainHost.MatchString(host) {
		host = "127.0.0.1"
	}
	if tcp, ok := c.API.(*net.TCPAddr); ok {
		host = net.JoinHostPort(hostname(host), strconv.Itoa(tcp.Port))
	}
	return scheme + host
}
