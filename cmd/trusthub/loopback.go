package main

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/opentrusthub/trusthub/internal/callback"
)

// loopbackFlag closes loopback to callbacks.
type loopbackFlag struct {
	CallbackDenyLoopback bool `env:"TRUSTHUB_CALLBACK_DENY_LOOPBACK" help:"Send no callbacks to loopback in any case. By default they may go there if the server listens on loopback and --public-url is not set, or is on loopback too."`
}

// callbacksMayGo returns which addresses callbacks may go to, besides the public internet, and says why loopback is among them or
// not. Whoever can create a product decides where its callbacks go. If only this machine reaches the server, that is somebody who
// could call loopback himself; if others reach it, by its address or through a proxy, loopback is not for them.
func (f deliveryFlags) callbacksMayGo(listen net.Addr, publicURL string) (config callback.Config, rule string) {
	config.Allow = prefixes(f.CallbackAllow)
	tcp, ok := listen.(*net.TCPAddr)
	listensThere := ok && tcp.IP.IsLoopback()
	switch {
	case f.CallbackDenyLoopback:
		config.DenyLoopback = true
		return config, "callbacks may not go to loopback: --callback-deny-loopback says so"
	case listensThere && isLoopback(publicURL):
		config.Allow = append(config.Allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
		return config, "callbacks may go to loopback, because the server listens there; behind a proxy set --public-url or --callback-deny-loopback"
	case slices.ContainsFunc(config.Allow, opensLoopback):
		return config, "callbacks may go to loopback: --callback-allow opens it"
	case !listensThere:
		return config, "callbacks may not go to loopback: the server listens on another address, so that others can reach it"
	default:
		return config, "callbacks may not go to loopback: --public-url is elsewhere, so that others can reach the server through a proxy"
	}
}

// opensLoopback reports whether addresses of the range lead to this machine. An unspecified address is dialled as loopback.
func opensLoopback(allowed netip.Prefix) bool {
	for _, loopback := range []string{"127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128"} {
		if allowed.Overlaps(netip.MustParsePrefix(loopback)) {
			return true
		}
	}
	return false
}

// isLoopback reports whether a URL, which may be absent, leads to this machine only.
func isLoopback(publicURL string) bool {
	if publicURL == "" {
		return true
	}
	u, err := url.Parse(publicURL)
	if err != nil {
		return false
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}
